//! `promote-ring`: moves the tag of a ring to a release that earned it. All of it is in `coalmine::tool::promote_ring`.
fn main() -> std::process::ExitCode {
    coalmine::cli::main::<coalmine::tool::promote_ring::PromoteRing>()
}
