//! Whether a ring's tag names the release that is judged.

use futures_util::future::join_all;

use crate::io::registry::client::Client;
use crate::model::record::JudgedImage;
use crate::model::reference::Reference;
use crate::model::tag::Tag;
use crate::policy::soak::clock::Serving;

/// Reads `tag` of every image. `was`: it was seen to name the release before, so another digest is another release.
pub(super) async fn names(client: &Client<'_>, images: &[JudgedImage], tag: &Tag, was: bool) -> Serving {
    let read = images.iter().map(async |image| {
        let digest = client.digest(&Reference::Tagged(image.repository.clone(), tag.clone())).await;
        (image, digest)
    });
    let mut unknown = None;
    for (image, digest) in join_all(read).await {
        match digest {
            Ok(Some(digest)) if digest == image.digest => {}
            Ok(found) => {
                let found = found.map_or("nothing".to_owned(), |digest| digest.to_string());
                let found = format!("{}:{tag} names {found} and not {}", image.repository, image.digest);
                return if was { Serving::Superseded(found) } else { Serving::No(found) };
            }
            Err(error) => unknown = unknown.or(Some(error.to_string())),
        }
    }
    unknown.map_or(Serving::Yes, Serving::Unknown)
}
