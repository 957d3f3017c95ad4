//! Where an image comes from, as a person names it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::digest::Digest;
use super::reference::Reference;
use super::repository::Repository;

/// One image that is to be staged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSpec {
    /// `oci:DIR[:REF]`: an OCI image layout. Where the path ends and the reference begins is seen on the disk.
    Layout(String),
    /// `oci-archive:FILE[:REF]`: the same as a tar.
    OciArchive(String),
    /// `bundle:DIR`: a folder of prompts and configuration with a `bundle.toml`.
    Bundle(PathBuf),
    /// `docker-archive:FILE`: what `docker save` writes.
    DockerArchive(PathBuf),
    /// `docker://REPOSITORY(:TAG|@DIGEST)`: an image in a registry.
    Registry(Reference),
    /// `sha256:...`: pushed to this very repository already.
    Here(Digest),
}

impl FromStr for SourceSpec {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let shown = crate::base::text::escape(&crate::base::text::without_login(text), 200);
        let path = |rest: &str| {
            if rest.is_empty() { Err(format!("`{shown}` names no file")) } else { Ok(rest.to_owned()) }
        };
        match text.split_once(':') {
            Some(("oci", rest)) => Ok(Self::Layout(path(rest)?)),
            Some(("oci-archive", rest)) => Ok(Self::OciArchive(path(rest)?)),
            Some(("docker-archive", rest)) => Ok(Self::DockerArchive(path(rest)?.into())),
            Some(("bundle", rest)) => Ok(Self::Bundle(path(rest)?.into())),
            Some(("docker", rest)) => match rest.strip_prefix("//") {
                Some(reference) => Ok(Self::Registry(reference.parse()?)),
                None => Err(format!("`{shown}` is not a source: write `docker://REPOSITORY:TAG`")),
            },
            Some(("sha256", _)) => Ok(Self::Here(text.parse().map_err(|e| format!("{e}"))?)),
            _ => Err(format!(
                "`{shown}` is not a source: write one of `oci:DIR`, `oci-archive:FILE`, `docker-archive:FILE`, `bundle:DIR`, `docker://REPOSITORY:TAG`, `sha256:DIGEST`"
            )),
        }
    }
}

impl fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layout(path) => write!(f, "oci:{path}"),
            Self::OciArchive(path) => write!(f, "oci-archive:{path}"),
            Self::DockerArchive(path) => write!(f, "docker-archive:{}", path.display()),
            Self::Bundle(path) => write!(f, "bundle:{}", path.display()),
            Self::Registry(reference) => write!(f, "docker://{reference}"),
            Self::Here(digest) => write!(f, "{digest}"),
        }
    }
}

/// `REPOSITORY=SOURCE`: one image and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSource {
    /// Where it is to be staged.
    pub repository: Repository,
    pub source: SourceSpec,
}

impl FromStr for ImageSource {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (repository, source) = text.split_once('=').ok_or_else(|| {
            format!("`{}` names no source: write REPOSITORY=SOURCE", crate::base::text::escape(text, 200))
        })?;
        Ok(Self { repository: repository.parse().map_err(|e| format!("{e}"))?, source: source.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::{ImageSource, SourceSpec};

    #[test]
    fn reads_every_kind() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for text in [
            "oci:dir",
            "oci:/a/b:v1",
            "oci-archive:x.tar",
            "docker-archive:x.tar",
            "bundle:prompts",
            "docker://localhost:5000/a:b",
            &format!("docker://ghcr.io/a/b@{digest}"),
            &digest,
        ] {
            assert_eq!(text.parse::<SourceSpec>().unwrap().to_string(), *text);
        }
        for text in ["", "dir", "oci:", "docker:a:b", "docker://a", "sha256:12", "http://x"] {
            assert!(text.parse::<SourceSpec>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_first_equals_sign_ends_the_repository() {
        let image: ImageSource = "ghcr.io/a/b=oci:dir=1".parse().unwrap();
        assert_eq!(image.source, SourceSpec::Layout("dir=1".to_owned()));
        assert!("ghcr.io/a/b".parse::<ImageSource>().is_err());
    }
}
