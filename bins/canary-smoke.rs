//! `canary-smoke`: proves that every canary tenant runs the build and passes the suite. All of it is in `coalmine::tool::canary_smoke`.
fn main() -> std::process::ExitCode {
    coalmine::cli::main::<coalmine::tool::canary_smoke::CanarySmoke>()
}
