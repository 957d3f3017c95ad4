//! `rollback-latest`: moves `:latest` back to an earlier release. All of it is in `coalmine::tool::rollback_latest`.
fn main() -> std::process::ExitCode {
    coalmine::cli::main::<coalmine::tool::rollback_latest::RollbackLatest>()
}
