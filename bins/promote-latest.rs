//! `promote-latest`: moves `:latest` to the digests that were staged. All of it is in `coalmine::tool::promote_latest`.
fn main() -> std::process::ExitCode {
    coalmine::cli::main::<coalmine::tool::promote_latest::PromoteLatest>()
}
