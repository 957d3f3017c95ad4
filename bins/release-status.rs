//! `release-status`: shows what is live, staged and broken. All of it is in `coalmine::tool::release_status`.
fn main() -> std::process::ExitCode {
    coalmine::cli::main::<coalmine::tool::release_status::ReleaseStatus>()
}
