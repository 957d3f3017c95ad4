//! No secret in any output.

use crate::support::{Fixture, IMAGES, ONE, TWO, release};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coalmine_sandbox::registry::{Access, Bearer, User};
use coalmine_sandbox::{Auth, Fault, Setup, When};

const PASSWORD: &str = "s3cr3t/pass+word=7";

fn assert_clean(text: &str) {
    let encoded = STANDARD.encode(format!("robot:{PASSWORD}"));
    for secret in [PASSWORD, "s3cr3t%2Fpass%2Bword%3D7", &encoded, encoded.trim_end_matches('=')] {
        assert!(!text.contains(secret), "`{secret}` stands in\n{text}");
    }
    assert!(text.split("Bearer ").skip(1).all(|token| token.starts_with("***")), "{text}");
}

#[test]
fn no_password_and_no_token_in_any_output_at_vv_not_even_when_the_registry_echoes_them() {
    let access = || Access {
        users: vec![User::new("robot", PASSWORD).may("pull,push", "acme/*")],
        anonymous_pull: false,
    };
    for auth in [Auth::Basic(access()), Auth::Bearer(Bearer { access: access(), ..Bearer::default() })] {
        let fixture = Fixture::with(Setup { auth, ..Setup::default() });
        fixture.stage(ONE);
        fixture.stage(TWO);
        let header = STANDARD.encode(format!("robot:{PASSWORD}"));
        let echo = Fault::error(403, "DENIED", &format!("bad credential robot:{PASSWORD} Basic {header}"));
        for (binary, arguments, fault) in [
            ("promote-latest", vec![ONE], None),
            ("release-status", vec![], None),
            ("release-status", vec!["doctor"], None),
            (
                "promote-latest",
                vec![TWO],
                Some(When::any().method("PUT").repository(IMAGES[1]).reference("latest").then(echo.clone())),
            ),
            (
                "rollback-latest",
                vec![TWO],
                Some(When::any().method("PUT").repository(IMAGES[1]).reference("latest").then(echo)),
            ),
        ] {
            let rule = fault.map(|rule| fixture.registry.rule(rule));
            let program = fixture.run(binary).args(arguments).args(["-vv"]).with_result();
            let files = ["output", "summary"].map(|name| fixture.path(name));
            let program = program
                .env("REGISTRY_USERNAME", "robot")
                .env("REGISTRY_PASSWORD", PASSWORD)
                .env("GITHUB_ACTIONS", "true");
            let program = program
                .env("GITHUB_OUTPUT", files[0].to_str().unwrap())
                .env("GITHUB_STEP_SUMMARY", files[1].to_str().unwrap());
            let done = program.run();
            assert!(
                done.stderr.contains("Basic ***") || done.stderr.contains("Bearer ***"),
                "{}",
                done.stderr
            );
            for text in [done.stdout.clone(), done.stderr.clone(), done.json().to_string()] {
                assert_clean(&text);
            }
            for file in &files {
                assert_clean(&std::fs::read_to_string(file).unwrap());
            }
            rule.into_iter().for_each(|rule| fixture.registry.drop_rule(rule));
        }
        assert!(release(ONE)[0].digest().starts_with("sha256:"));
    }
}
