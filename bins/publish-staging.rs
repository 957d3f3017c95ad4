//! `publish-staging`: every image of a release gets the tag `staging-<sha>`. All of it is in `coalmine::tool::publish_staging`.
fn main() -> std::process::ExitCode {
    coalmine::cli::main::<coalmine::tool::publish_staging::PublishStaging>()
}
