//! A part of a suite, and several suites at once.

use coalmine_sandbox::{Tenant, TenantSetup};

use super::fixture::{Fixture, SHA, TOKEN, example, tenant};
use super::words::product_suite;

const EXTRA: &str = "format = 1\n[vars]\nplace = \"/events\"\n[[check]]\nname = \"the extra one\"\nlabels = [\"extra\"]\n\
    request = \"GET {{ var.place }}\"\nexpect.status = 200\nexpect.json.\"$\" = { type = \"array\" }\n";

#[test]
fn a_part_is_run_by_name_or_label_and_says_that_it_is_no_evidence() {
    let tenant = tenant(None);
    let suite = example("5s")
        .replace("name = \"events admin read\"", "name = \"events admin read\"\nlabels = [\"admin\"]");
    let fixture = Fixture::new(&suite, &[&tenant]);
    for arguments in [["--only", "Events"], ["--label", "admin"]] {
        let all = [&["--sha", SHA, "--result", "verdict.json"][..], &arguments].concat();
        let ran = fixture.run(&all);
        ran.ends(0).says("1 passed; a part of the suite: 1 of 5 checks").says("no evidence");
        ran.complains("the verdict on a part of the suite is not recorded");
        assert_eq!(fixture.json("verdict.json")["partial"], true);
        assert!(!tenant.requests().iter().any(|asked| asked.path == "/workspaces"));
    }
    fixture.run(&["--sha", SHA, "--result", "verdict.json"]).ends(0);
    assert!(fixture.json("verdict.json").get("partial").is_none());
}

#[test]
fn a_name_or_label_that_fits_nothing_is_refused_before_anything_is_sent() {
    let tenant = tenant(None);
    let suite = example("5s")
        .replace("name = \"events admin read\"", "name = \"events admin read\"\nlabels = [\"admin\"]");
    let fixture = Fixture::new(&suite, &[&tenant]);
    fixture.run(&["--sha", SHA, "--only", "evnts"]).ends(2).complains("no check whose name has `evnts`");
    fixture.run(&["--sha", SHA, "--label", "admn"]).ends(2).complains("did you mean `admin`?");
    fixture
        .run(&["--sha", SHA, "--label", "admin", "--only", "workspaces"])
        .ends(2)
        .complains("no check has both");
    assert!(tenant.requests().is_empty());
}

#[test]
fn the_checks_are_listed_with_their_labels_and_nothing_is_sent() {
    let fixture = Fixture::new(&product_suite(), &[]);
    let ran = fixture.run(&["--list"]);
    ran.ends(0).says("items come in pages").says("items, slow").says("smoke.toml:");
    let chosen = fixture.run(&["--list", "--label", "slow", "--format", "json"]);
    chosen.ends(0).says("\"labels\": [\n        \"items\",\n        \"slow\"");
    assert!(!chosen.stdout.contains("account"), "{}", chosen.stdout);
}

#[test]
fn several_suites_are_one_run_each_with_its_own_values() {
    let tenant = tenant(None);
    let fixture = Fixture::new(&example("5s"), &[&tenant]);
    fixture.write("extra.toml", EXTRA);
    let arguments =
        ["--sha", SHA, "--suite", "smoke.toml", "--suite", "extra.toml", "--result", "verdict.json"];
    fixture.run(&arguments).ends(0).says("6 passed").says("the extra one");
    let verdict = fixture.json("verdict.json");
    assert_eq!(verdict["suite"]["file"], "smoke.toml + extra.toml");
    assert_eq!(verdict["suite"]["files"].as_array().map(Vec::len), Some(2));
    assert_eq!(verdict["proves_build"], true);
    fixture.run(&["lint", "smoke.toml", "extra.toml"]).ends(0).says("checks       6");
    fixture.write("extra.toml", &EXTRA.replace("the extra one", "events admin read"));
    fixture.run(&arguments).ends(2).complains("there are two checks named `events admin read`");
    fixture.write("extra.toml", &EXTRA.replace("type = \"array\"", "type = \"object\""));
    fixture.run(&arguments).ends(1).says("FAILED the extra one (127.0.0.1").says(") extra.toml:5");
    fixture.write("extra.toml", &format!("{EXTRA}[tenants]\nurls_env = \"OTHER_URLS\"\n"));
    // The first file says nothing of its own: its names are the defaults.
    fixture.run(&arguments).ends(2).complains("OTHER_URLS is empty or not set");
}

#[test]
fn a_tenant_that_shortens_its_sha_is_proved_and_the_report_says_how_many_digits_it_named() {
    let full = "4c1d56e0a1b2c3d4e5f60718293a4b5c6d7e8f90";
    for (served, code) in [("4c1d56e", 0), ("4c1d56e0a1b2", 0), (full, 0), ("4c1d56", 3), ("4c1d56f", 3)] {
        let tenant =
            Tenant::start(TenantSetup { token: TOKEN.into(), ..TenantSetup::fixed(served) }).unwrap();
        assert!(tenant.runs(served, std::time::Duration::from_secs(20)));
        let fixture = Fixture::new(&example("300ms"), &[&tenant]);
        let ran = fixture.run(&["--sha", full, "--result", "verdict.json"]);
        ran.ends(code);
        let verdict = fixture.json("verdict.json");
        assert_eq!(verdict["proves_build"], code == 0, "{served}");
        if code == 0 && served != full {
            ran.says("not all 40 digits of the build were named by 127.0.0.1")
                .says(&format!("({} digits)", served.len()));
            assert_eq!(verdict["tenants"][0]["places"]["digits"], served.len());
        }
    }
}

#[test]
fn readiness_may_take_the_build_from_a_header() {
    let tenant = tenant(None);
    let ready = |sha: &str| {
        format!(
            "format = 1\n[defaults]\nauth = \"none\"\n[ready]\nrequest = \"GET /health\"\nexpect.status = 200\nwithin = \"200ms\"\nevery = \"50ms\"\n\
            expect.header.X-Build-Sha = {{ starts_with = \"{sha}\" }}\n\
            [[check]]\nname = \"c\"\nrequest = \"GET /health\"\nexpect.status = 200\nexpect.json.\"$.status\" = \"ok\"\n"
        )
    };
    let fixture = Fixture::new(&ready("{{ sha }}"), &[&tenant]);
    fixture.smoke().ends(0);
    assert_eq!(fixture.json("verdict.json")["proves_build"], true);
    fixture.run(&["--sha", "7654321"]).ends(3).says("header x-build-sha is \"12e4567\"");
}
