//! Registries of the large clouds, whose credentials last for hours and are fetched in the job that needs them.
//!
//! Sources, read 2026-11-21: Amazon ECR user guide, "Private registry authentication"; Google Artifact Registry,
//! "Configure authentication for Docker"; Azure Container Registry, "Authenticate with a registry".

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cloud {
    /// Amazon Elastic Container Registry.
    Ecr,
    /// Google Artifact Registry.
    Gar,
    /// Azure Container Registry.
    Acr,
}

impl Cloud {
    /// Whose registry a host is, by its name.
    pub fn of(host: &str) -> Option<Self> {
        let is_ecr = host.contains(".dkr.ecr.")
            && (host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn"));
        if is_ecr {
            Some(Self::Ecr)
        } else if host.ends_with("-docker.pkg.dev") || host == "gcr.io" || host.ends_with(".gcr.io") {
            Some(Self::Gar)
        } else if host.ends_with(".azurecr.io") {
            Some(Self::Acr)
        } else {
            None
        }
    }

    /// Its name and short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ecr => "Amazon ECR",
            Self::Gar => "Google Artifact Registry",
            Self::Acr => "Azure Container Registry",
        }
    }

    /// How long the credential of a job lasts.
    pub fn lasts(self) -> &'static str {
        match self {
            Self::Ecr => "12 hours",
            Self::Gar => "1 hour",
            Self::Acr => "3 hours",
        }
    }

    /// The user names that such a registry takes with a token; empty: any.
    pub fn users(self) -> &'static [&'static str] {
        match self {
            Self::Ecr => &["AWS"],
            Self::Gar => &["oauth2accesstoken", "_json_key", "_json_key_base64"],
            // A token has this one; a service principal or a repository token has a name of its own.
            Self::Acr => &[],
        }
    }
}

/// What is wrong with the credential that a job has for such a registry, and what to do; `None` if nothing is seen.
/// `user`: REGISTRY_USERNAME, with its password. `oidc`: whether the job may ask GitHub for a token of its own, where it
/// runs on GitHub.
pub fn complaint(cloud: Cloud, user: Option<&str>, oidc: Option<bool>) -> Option<(String, String)> {
    let login = "log in with `.github/actions/login` in each job that needs it (docs/ci/clouds.md)";
    match (user, oidc) {
        (Some(user), _) if !cloud.users().is_empty() && !cloud.users().contains(&user) => Some((
            format!("REGISTRY_USERNAME is not one that {} takes", cloud.name()),
            format!("set it to {}", cloud.users().join(" or ")),
        )),
        (Some(_), _) | (None, None) => None,
        (None, Some(true)) => Some(("nobody has logged in in this job".to_owned(), login.to_owned())),
        (None, Some(false)) => Some((
            "nobody has logged in, and the job has no permission `id-token: write`".to_owned(),
            format!("give the job this permission, then {login}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::{Cloud, complaint};

    #[test]
    fn a_cloud_is_known_by_the_end_of_its_name() {
        for (host, cloud) in [
            ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", Some(Cloud::Ecr)),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", Some(Cloud::Ecr)),
            ("europe-west4-docker.pkg.dev", Some(Cloud::Gar)),
            ("eu.gcr.io", Some(Cloud::Gar)),
            ("acme.azurecr.io", Some(Cloud::Acr)),
            ("ghcr.io", None),
            ("x.dkr.ecr.eu-west-1.amazonaws.com.evil.example", None),
            ("azurecr.io.example", None),
        ] {
            assert_eq!(Cloud::of(host), cloud, "{host}");
        }
    }

    #[test]
    fn a_job_is_told_what_it_lacks() {
        let found = |cloud, user, oidc| complaint(cloud, user, oidc).map(|(found, _)| found);
        assert_eq!(found(Cloud::Ecr, Some("AWS"), Some(true)), None);
        assert_eq!(found(Cloud::Acr, Some("acme-pusher"), None), None);
        assert_eq!(found(Cloud::Gar, None, None), None);
        assert!(found(Cloud::Ecr, Some("acme"), None).unwrap().contains("is not one that Amazon ECR takes"));
        assert!(found(Cloud::Gar, None, Some(true)).unwrap().contains("nobody has logged in in this job"));
        assert!(found(Cloud::Gar, None, Some(false)).unwrap().contains("id-token: write"));
    }
}
