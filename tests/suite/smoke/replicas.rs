//! Replicas, addresses, balancers and caches: whoever else could answer for a tenant.

use std::process::Command;

use coalmine_sandbox::{Balancer, Tenant, TenantFault, TenantSetup};

use super::fixture::{Fixture, SHA, TOKEN, start, tenant};

/// A suite that asks for the build five times in a row, and looks at one thing beside it.
fn streak_of_5(defaults: &str) -> String {
    format!(
        "format = 1\n[defaults]\ntimeout = \"1s\"\n{defaults}\n\
         [ready]\nrequest = \"GET /admin/liveness\"\nexpect.status = 200\n\
         expect.json.\"$.version\" = \"{{{{ sha }}}}\"\nevery = \"10ms\"\nwithin = \"500ms\"\nstreak = 5\n\
         [[check]]\nname = \"workspaces\"\nrequest = \"GET /workspaces\"\nexpect.status = 200\n\
         expect.json.\"$\" = {{ type = \"array\" }}\n"
    )
}

fn at(fixture: Fixture, urls: &str) -> Fixture {
    let tokens = urls.lines().map(|_| TOKEN).collect::<Vec<_>>().join("\n");
    fixture.var("CANARY_TENANT_URLS", urls).var("CANARY_ADMIN_TOKENS", &tokens)
}

fn stale() -> Tenant {
    tenant(Some(TenantFault::OldBuildForever("7654321".into())))
}

#[test]
fn one_stale_replica_of_three_behind_a_balancer_of_connections_is_found() {
    let replicas = [tenant(None), tenant(None), stale()];
    let balancer = Balancer::start(&[&replicas[0], &replicas[1], &replicas[2]]).unwrap();
    let fixture = at(Fixture::new(&streak_of_5(""), &[]), &balancer.url());
    fixture.smoke().ends(3).says("never served");
}

#[test]
fn three_replicas_of_the_build_behind_a_balancer_are_green_and_each_was_asked() {
    let replicas = [tenant(None), tenant(None), tenant(None)];
    let balancer = Balancer::start(&[&replicas[0], &replicas[1], &replicas[2]]).unwrap();
    at(Fixture::new(&streak_of_5(""), &[]), &balancer.url()).smoke().ends(0);
    for replica in &replicas {
        let proofs: Vec<_> =
            replica.requests().into_iter().filter(|asked| asked.path == "/admin/liveness").collect();
        assert!(proofs.len() >= 2, "{proofs:?}");
        let mut connections: Vec<u64> = proofs.iter().map(|asked| asked.connection).collect();
        connections.dedup();
        assert_eq!(connections.len(), proofs.len(), "each on a connection of its own");
        assert!(proofs.iter().all(|asked| asked.cache_control.as_deref() == Some("no-cache")), "{proofs:?}");
    }
}

/// Runs the binary where `/etc/hosts` holds `hosts`. `None`: this system has no mount namespaces for us.
fn with_hosts(fixture: &Fixture, hosts: &str) -> Option<super::fixture::Ran> {
    fixture.write("hosts", hosts);
    let script = "mount --bind hosts /etc/hosts && exec \"$@\"";
    let within = |extra: &[&str], rest: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(extra).args(["--mount", "sh", "-c", script, "sh"]).args(rest);
        command
    };
    let allowed = [&["--user", "--map-root-user"][..], &[]].into_iter().find(|extra| {
        let probe = within(extra, &["true"]).current_dir(fixture.path("")).output();
        probe.is_ok_and(|output| output.status.success())
    })?;
    let mut command = within(allowed, &[]);
    Some(fixture.run_by(&mut command, &["--sha", SHA, "--result", "verdict.json"]))
}

#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
fn left_out() {
    eprintln!("left out: no mount namespace here, so no name with two addresses");
}

/// Tenants at two addresses of the name `canary.test`, and a fixture that asks the name.
fn two_addresses(second: Option<TenantFault>) -> (Tenant, Tenant, Fixture) {
    let setup = || TenantSetup { token: TOKEN.into(), ..TenantSetup::fixed(SHA) };
    let first = start(setup());
    let port = first.url().rsplit(':').next().unwrap().parse().unwrap();
    let second = start(TenantSetup { fault: second, address: [127, 0, 0, 2].into(), port, ..setup() });
    let fixture = at(Fixture::new(&streak_of_5(""), &[]), &format!("http://canary.test:{port}"));
    (first, second, fixture)
}

#[test]
fn every_address_of_a_name_is_asked_before_the_checks_and_after_them() {
    let (first, second, fixture) = two_addresses(None);
    let Some(ran) = with_hosts(&fixture, "127.0.0.1 canary.test\n127.0.0.2 canary.test\n") else {
        return left_out();
    };
    ran.ends(0).complains("serves 12e4567 at 127.0.0.1, 127.0.0.2");
    for tenant in [&first, &second] {
        let proofs = tenant.requests().iter().filter(|asked| asked.path == "/admin/liveness").count();
        assert_eq!(proofs, 10, "five before the checks, five after");
    }
    let places = &fixture.json("verdict.json")["tenants"][0]["places"];
    assert_eq!(places["asked"], serde_json::json!(["127.0.0.1", "127.0.0.2"]));
}

#[test]
fn a_stale_replica_at_the_second_address_of_a_name_is_found_and_named() {
    for (fault, found) in [
        (TenantFault::OldBuildForever("7654321".into()), "at 127.0.0.2: $.version is \"7654321\""),
        (TenantFault::RefuseConnection, "at 127.0.0.2: no answer: "),
    ] {
        let (_first, _second, fixture) = two_addresses(Some(fault));
        let hosts = "127.0.0.1 canary.test\n127.0.0.2 canary.test\n";
        let Some(ran) = with_hosts(&fixture, hosts) else {
            return left_out();
        };
        ran.ends(3).says(found);
    }
}

#[test]
fn an_answer_from_a_cache_proves_no_build() {
    let tenant = tenant(Some(TenantFault::StaleCache(SHA.into())));
    Fixture::new(&streak_of_5(""), &[&tenant])
        .smoke()
        .ends(3)
        .says("the answer came from a cache: age is 3000")
        .says("never served");
}

const EVERYWHERE: &str = "expect.header.x-build-sha = { starts_with = \"{{ sha }}\" }";

#[test]
fn an_answer_of_another_build_to_a_check_is_found_by_what_every_answer_must_show() {
    let suite = "format = 1\n[defaults]\nEXPECT\n\
        [[check]]\nname = \"events\"\nrequest = \"GET /events\"\nexpect.status = 200\nexpect.json.\"$\" = []\n";
    let other = || tenant(Some(TenantFault::OldBuildForever("7654321".into())));
    Fixture::new(&suite.replace("EXPECT", ""), &[&other()]).smoke().ends(0);
    Fixture::new(&suite.replace("EXPECT", EVERYWHERE), &[&other()]).smoke().ends(3).says(
        "another build answered: header x-build-sha: expected starts with \"12e4567\", found \"7654321\"",
    );
    // What does not say its build at all is no answer of the build either.
    let nameless = EVERYWHERE.replace("x-build-sha", "x-other");
    Fixture::new(&suite.replace("EXPECT", &nameless), &[&tenant(None)])
        .smoke()
        .ends(1)
        .says("header x-other")
        .says("found nothing");
}

#[test]
fn what_every_answer_must_show_can_be_the_proof_of_ready() {
    let suite = streak_of_5(EVERYWHERE).replace("expect.json.\"$.version\" = \"{{ sha }}\"\n", "");
    let healthy = tenant(None);
    let fixture = Fixture::new(&suite, &[&healthy]);
    fixture.smoke().ends(0);
    assert_eq!(fixture.json("verdict.json")["proves_build"], true);
    Fixture::new(&suite, &[&stale()]).smoke().ends(3).says("header x-build-sha is \"7654321\"");
}

#[test]
fn one_tenant_under_two_names_is_told() {
    let one = tenant(None);
    let port = one.url().rsplit(':').next().unwrap().to_owned();
    let fixture = Fixture::new(&streak_of_5(""), &[]);
    at(fixture, &format!("http://127.0.0.1:{port}\nhttp://localhost:{port}"))
        .smoke()
        .ends(0)
        .says("take the same token at the same address: they may be one tenant, tested twice");
}

#[test]
fn a_connection_that_the_server_closes_between_two_requests_is_made_again() {
    let tenant = tenant(Some(TenantFault::ClosesKept));
    let mut suite = "format = 1\n".to_owned();
    for number in 0..3 {
        suite.push_str(&format!("[[check]]\nname = \"c{number}\"\n"));
        for _ in 0..3 {
            suite.push_str("[[check.step]]\nrequest = \"GET /events\"\nexpect.status = 200\n");
        }
        suite.push_str("[[check.step]]\nrequest = \"POST /memories/search\"\nbody.json = { query = \"x\" }\nexpect.status = 200\n");
    }
    let fixture = Fixture::new(&suite, &[&tenant]);
    fixture.smoke().ends(0).says("3 passed");
    let steps = &fixture.json("verdict.json")["tenants"][0]["checks"][0]["samples"][0]["steps"];
    let reconnected: Vec<bool> =
        steps.as_array().unwrap().iter().filter_map(|step| step["reconnected"].as_bool()).collect();
    assert!(reconnected.contains(&true), "{reconnected:?}");
}
