//! `fetch-bundle`: brings a bundle to a machine by digest. All of it is in `coalmine::tool::fetch_bundle`.
fn main() -> std::process::ExitCode {
    coalmine::cli::main::<coalmine::tool::fetch_bundle::FetchBundle>()
}
