//! After a failure: every tag that still names our digest is put back where it was, and read.

use std::time::Duration;

use crate::base::text;
use crate::io::clock;
use crate::io::registry::client::Client;
use crate::io::registry::error::RegistryError;
use crate::model::digest::Digest;
use crate::model::moves::{Ended, Move, Plan};
use crate::model::reference::Reference;

const PAUSE: Duration = Duration::from_millis(250);

/// Tries of writing the old content where a read says that it stands already.
const CONFIRMATIONS: u32 = 3;

/// Puts one tag back, if it names our digest, and says where it stands. `touched`: a PUT was sent to it.
///
/// A read that shows the old content is not proof of it: the registry may lag behind our own write. What was touched
/// is therefore written once more before such a read is believed.
pub async fn put_back(client: &Client<'_>, plan: &Plan, m: &Move, touched: bool) -> Ended {
    let from = m.from.as_ref().map(|manifest| &manifest.digest);
    let (mut certain, mut confirmations) = (!touched || from.is_none(), 0);
    let mut last = None;
    while !client.remaining().is_zero() {
        let found = read(client, plan, m).await;
        let as_before = found.as_ref().is_ok_and(|found| found.as_ref() == from);
        match &found {
            Ok(_) if as_before && (certain || confirmations == CONFIRMATIONS) => {
                return if touched { Ended::PutBack } else { Ended::Untouched };
            }
            Ok(Some(found)) if !as_before && (!touched || *found != m.to.digest) => {
                return Ended::Foreign { found: found.clone() };
            }
            Ok(None) if !touched => return Ended::Gone,
            Ok(_) => {
                confirmations += u32::from(as_before);
                match restore(client, plan, m).await {
                    Ok(()) => certain = true,
                    // The registry does not let us write: then it did not let our move in either.
                    Err(error) if as_before && !error.is_transient() => return Ended::PutBack,
                    Err(error) if !error.is_transient() => {
                        client.context().console.warn(&error.to_string());
                        last = Some(found);
                        break;
                    }
                    Err(error) => client.context().console.detail(&error.to_string()),
                }
            }
            Err(error) => client.context().console.detail(&error.to_string()),
        }
        last = Some(found);
        clock::sleep(PAUSE).await;
    }
    match last {
        Some(Ok(Some(found))) if Some(&found) == from => Ended::PutBack,
        Some(Ok(Some(_))) => Ended::Stranded,
        Some(Ok(None)) => Ended::Gone,
        Some(Err(error)) => Ended::Unknown { why: text::escape(&error.to_string(), text::EXCERPT_BYTES) },
        None => Ended::Unknown { why: "there was no time left to look".to_owned() },
    }
}

/// What the tag names, computed from the bytes: this answer decides whether a person is woken.
async fn read(client: &Client<'_>, plan: &Plan, m: &Move) -> Result<Option<Digest>, RegistryError> {
    let reference = Reference::Tagged(m.repository.clone(), plan.tag.clone());
    Ok(client.manifest(&reference).await?.map(|manifest| manifest.digest))
}

/// Writes the old content back; where there was none, takes the tag away.
async fn restore(client: &Client<'_>, plan: &Plan, m: &Move) -> Result<(), RegistryError> {
    if let Some(from) = &m.from {
        return client.put_tag(&m.repository, &plan.tag, from).await;
    }
    client.delete_tag(&m.repository, &plan.tag).await?;
    // Some registries take "delete this tag" for "delete what it names". The staged image must survive that.
    if !client.has_manifest(&m.repository, &m.to.digest).await? {
        client.put_pinned(&m.repository, &m.to).await?;
    }
    Ok(())
}
