//! `canary-soak`: watches the metrics of a release and gives a verdict. All of it is in `coalmine::tool::canary_soak`.
fn main() -> std::process::ExitCode {
    coalmine::cli::main::<coalmine::tool::canary_soak::CanarySoak>()
}
