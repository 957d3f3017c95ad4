//! `ring-of`: which ring a tenant is in. All of it is in `coalmine::tool::ring_of`.
fn main() -> std::process::ExitCode {
    coalmine::cli::main::<coalmine::tool::ring_of::RingOf>()
}
