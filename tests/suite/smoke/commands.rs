//! Checks that run a program instead of sending requests.

use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use coalmine_sandbox::{Tenant, TenantFault};

use super::fixture::{Fixture, SHA, TOKEN, tenant};
use coalmine::io::clock;

/// A suite where programs are found.
fn on_path(suite: &str, tenants: &[&Tenant]) -> Fixture {
    Fixture::new(suite, tenants).var("PATH", "/usr/local/bin:/usr/bin:/bin")
}

/// A suite of one check that runs `script` by a shell, with these further lines.
fn runs(script: &str, lines: &str) -> String {
    format!("format = 1\n[[check]]\nname = \"c\"\ncommand = [\"sh\", \"-c\", '''{script}''']\n{lines}\n")
}

#[test]
fn a_program_is_judged_by_its_exit_code_and_what_it_writes() {
    let tenant = tenant(None);
    let run = |script: &str, lines: &str| on_path(&runs(script, lines), &[&tenant]).smoke();
    let json = "expect.exit = 0\nexpect.json.\"$.status\" = \"SERVING\"";
    run("echo '{\"status\": \"SERVING\"}'", json).ends(0).says("GREEN");
    run("echo '{\"status\": \"NOT_SERVING\"}'", json).ends(1).says("$.status").says("found \"NOT_SERVING\"");
    run("echo hello; exit 3", "expect.exit = [0, 3]\nexpect.stdout = { starts_with = \"hello\" }").ends(0);
    let failed = run("echo no route >&2; exit 7", "expect.exit = 0");
    failed.ends(1).says("exit code").says("expected 0, found 7 with no route").says("-> exit code 7");
    run("echo bye", "expect.exit = 0\nexpect.stdout = { contains = \"hello\" }").ends(1).says("stdout");
    run("kill -9 $$", "expect.exit = 0").ends(1).says("found killed by a signal");
    run("yes | head -c 3000000", "expect.exit = 0\nexpect.stdout = { min_len = 1 }")
        .ends(1)
        .says("found more");
}

#[test]
fn a_program_that_does_not_end_is_inconclusive_and_all_that_it_started_ends_with_it() {
    let tenant = tenant(None);
    let began = clock::instant();
    let fixture = on_path(
        &runs(
            "(sleep 5; echo late > left) & echo $! > pid; sleep 60",
            "timeout = \"300ms\"\nexpect.exit = 0",
        ),
        &[&tenant],
    );
    fixture.smoke().ends(3).says("it did not end within 300ms");
    // One that ends in time and leaves something running, which holds its stdout open.
    let left = on_path(&runs("sleep 60 & echo $! > pid; echo done", "expect.exit = 0"), &[&tenant]);
    left.smoke().ends(0);
    assert!(began.elapsed() < Duration::from_secs(30));
    for fixture in [fixture, left] {
        let pid = fixture.read("pid");
        let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        // A process that was killed may still wait for its parent.
        assert!(status.is_empty() || status.contains(") Z "), "{status}");
    }
}

#[test]
fn a_program_finds_secrets_in_its_environment_and_nothing_that_is_not_its_own() {
    let tenant = tenant(None);
    let fixture = on_path(&runs("env; exit 9", "expect.exit = 0"), &[&tenant]);
    let ran = fixture.var("GITHUB_TOKEN", "ghp_0123456789abcdef").smoke();
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    let script = "test \"$CANARY_TOKEN\" = \"$(cat token)\" && test \"$CANARY_TENANT_URL\" = \"$1\" && test -z \"$CANARY_ADMIN_TOKENS$GITHUB_TOKEN\" \
        && test \"$CANARY_SHA\" = 12e4567 && test -n \"$CANARY_NONCE\" && test \"$2\" = \"$CANARY_TENANT_HOST\" && tr '\\0' '\\n' </proc/$$/cmdline";
    let suite = format!(
        "format = 1\n[[check]]\nname = \"c\"\ncommand = [\"sh\", \"-c\", '''{script}''', \"sh\", \"{{{{ tenant_url }}}}\", \"{{{{ tenant_host }}}}\"]\n\
         expect.exit = 0\nexpect.stdout = {{ contains = \"{{{{ tenant_host }}}}\" }}\n"
    );
    let fixture = on_path(&suite, &[&tenant]);
    fixture.write("token", TOKEN);
    let fixture = fixture.var("GITHUB_TOKEN", "ghp_0123456789abcdef");
    let ran = fixture.smoke();
    ran.ends(0);
    // What a program writes of a secret is hidden like everything else.
    let told = on_path(&runs("echo token=$CANARY_TOKEN >&2; exit 1", "expect.exit = 0"), &[&tenant]);
    let ran = told.smoke();
    ran.ends(1).says("token=***");
    assert!(!told.everything(&ran).contains(TOKEN));
}

#[test]
fn what_is_wrong_with_a_command_is_found_before_anything_runs() {
    let tenant = tenant(None);
    let suite = |lines: &str| format!("format = 1\n[[check]]\nname = \"c\"\n{lines}\n");
    let secret = "command = [\"sh\", \"-c\", \"echo {{ secret.key }}\"]\nexpect.exit = 0\n[secrets]\nkey = { env = \"CANARY_KEYS\" }";
    for (lines, complaint, place) in [
        (secret, "is a secret, and every user of the machine can read arguments", "4:24"),
        (secret, "finds it in $CANARY_SECRET_KEY", "4:24"),
        ("command = [\"sh\"]\nexpect.status = 200", "`exit` is missing", "5:1"),
        ("command = [\"sh\"]\nrequest = \"GET /\"\nexpect.exit = 0", "says two things at once", "2:1"),
        ("command = [\"sh\"]\nauth = \"none\"\nexpect.exit = 0", "`auth` is said of requests", "5:8"),
        ("command = [\"{{ tenant }}\"]\nexpect.exit = 0", "the first word is the program", "4:11"),
        ("command = [\"sh\"]\nexpect.exit = 256", "expected an exit code, found the number 256", "5:15"),
        ("command = [\"sh\"]\nexpect.exit = 0\nexpect.body = \"x\"", "a command has no `body`", "6:15"),
        ("request = \"GET /\"\nexpect.exit = 0", "only a command has `exit`", "5:15"),
        ("command = []\nexpect.exit = 0", "expected a list that is not empty", "4:11"),
    ] {
        let fixture = on_path(&suite(lines), &[&tenant]).var("CANARY_KEYS", "0123456789abcdefgh");
        fixture.smoke().ends(2).complains(complaint).complains(&format!("smoke.toml:{place}"));
    }
    let gone = on_path(&suite("command = [\"no-such-program\"]\nexpect.exit = 0"), &[&tenant]);
    gone.smoke().ends(2).complains("the program `no-such-program` of `c` is not there");
    gone.run(&["lint"]).ends(0);
    let refused = on_path(&runs("touch ran", "expect.exit = 0"), &[&tenant]);
    refused.run(&["--sha", SHA, "--no-commands"]).ends(2).complains("--no-commands");
    assert!(!refused.path("ran").exists());
    assert!(tenant.requests().is_empty());
}

#[test]
fn a_program_beside_the_suite_speaks_with_a_websocket() {
    let script = include_str!("../../../docs/examples/websocket.sh");
    let suite = include_str!("../../../docs/examples/smoke-websocket.toml");
    let faults = [None, Some(TenantFault::HtmlLogin), Some(TenantFault::ServerErrorRightWords)];
    for (fault, code) in faults.into_iter().zip([0, 1, 1]) {
        let tenant = tenant(fault);
        let fixture = on_path(suite, &[&tenant]);
        fixture.write("websocket.sh", script);
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(fixture.path("websocket.sh"), executable).unwrap();
        fixture.smoke().ends(code);
    }
}

#[test]
fn a_proof_names_the_checks_to_which_no_fault_can_be_played() {
    let tenant = tenant(None);
    let suite = format!(
        "{}[[check]]\nname = \"live\"\nrequest = \"GET /admin/liveness\"\nexpect.status = 200\nexpect.json.\"$.subsystems.database\" = \"ok\"\n",
        runs("true", "expect.exit = 0")
    );
    let fixture = on_path(&suite, &[&tenant]);
    let ran = fixture.run(&["prove", "--sha", SHA, "--min-score", "0", "--result", "verdict.json"]);
    ran.ends(0).says("no fault can be played to a command: c");
    assert_eq!(fixture.json("verdict.json")["unplayed"], serde_json::json!(["c"]));
}
