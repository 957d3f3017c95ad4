//! The list of a repository's tags, page by page.

use reqwest::StatusCode;
use reqwest::header::LINK;
use serde::Deserialize;

use super::call::Call;
use super::client::Client;
use super::error::{Problem, RegistryError};
use super::manifests::{no_registry, says_unknown};
use crate::base::text;
use crate::model::repository::Repository;

/// Tags a page. ECR refuses more than 1000, and is the only one that says so.
const PAGE: usize = 1_000;
/// Most pages that are read: a list that never ends is a fault, not a list.
const PAGES: usize = 500;

#[derive(Deserialize)]
struct TagList {
    // Registries answer `null` for a repository without tags.
    tags: Option<Vec<String>>,
}

impl Client<'_> {
    /// All tags of `repository`, in the registry's order; none if there is no such repository.
    pub async fn tags(&self, repository: &Repository) -> Result<Vec<String>, RegistryError> {
        let mut url = self.url(repository, &format!("tags/list?n={PAGE}"));
        let mut tags = Vec::new();
        for _ in 0..PAGES {
            let call = Call::get(format!("list the tags of {repository}"), repository, url.clone());
            let answer = self.call(&call).await?;
            match answer.status {
                StatusCode::OK => {}
                StatusCode::NOT_FOUND if says_unknown(&answer) => return Ok(tags),
                StatusCode::NOT_FOUND => return Err(call.error(no_registry(&answer))),
                _ => return Err(call.unexpected("status 200", &answer)),
            }
            let list: TagList = serde_json::from_slice(&answer.body).map_err(|_| {
                call.error(Problem::Unfit {
                    expected: "a list of tags",
                    found: format!("`{}`", text::excerpt(&answer.body)),
                })
            })?;
            tags.extend(list.tags.unwrap_or_default());
            // `last` is opaque in ECR and Quay: the link is followed, never computed.
            let Some(next) = answer.headers.get(LINK).and_then(|value| value.to_str().ok()).and_then(next_of)
            else {
                return Ok(tags);
            };
            let next = url.join(next).map_err(|_| {
                call.error(Problem::Unfit {
                    expected: "a link to the next page",
                    found: text::escape(next, 200),
                })
            })?;
            if next.origin() != url.origin() || next == url {
                let found = format!("a link to `{}`", text::escape(next.as_str(), 200));
                return Err(
                    call.error(Problem::Unfit { expected: "the next page on the same registry", found })
                );
            }
            url = next;
        }
        let found = format!("more than {PAGES} pages");
        Err(RegistryError::new(
            format!("list the tags of {repository}"),
            Problem::Unfit { expected: "a list that ends", found },
        ))
    }
}

/// The target of `<...>; rel="next"` (RFC 8288).
fn next_of(link: &str) -> Option<&str> {
    let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
    parameters.to_ascii_lowercase().replace(['"', ' '], "").contains("rel=next").then_some(target)
}

#[cfg(test)]
mod tests {
    use super::next_of;

    #[test]
    fn follows_next_and_nothing_else() {
        assert_eq!(
            next_of(r#"</v2/a/tags/list?last=x&n=2>; rel="next""#),
            Some("/v2/a/tags/list?last=x&n=2")
        );
        assert_eq!(next_of("</v2/a>; rel=next"), Some("/v2/a"));
        assert_eq!(next_of(r#"</v2/a>; rel="prev""#), None);
        assert_eq!(next_of("nonsense"), None);
    }
}
