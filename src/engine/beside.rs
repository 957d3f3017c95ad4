//! Tags beside the one that deployers watch, such as `v1.4.2`: written before it moves, and put back if it does not.

use futures_util::future::{join_all, try_join_all};

use super::budget::BESIDE;
use super::execute::Executed;
use super::failure::{EngineError, MoveFailure};
use super::mover::Mover;
use super::restore::put_back;
use super::target::Target;
use super::verify::verify;
use crate::base::complaint::Complaint;
use crate::base::list::NonEmpty;
use crate::io::clock;
use crate::io::registry::client::Client;
use crate::io::registry::error::RegistryError;
use crate::model::commit::CommitSha;
use crate::model::facts::ImageFacts;
use crate::model::moves::{Ended, Move, Plan};
use crate::model::reference::Reference;
use crate::model::refusal::{Guard, Refusal};
use crate::model::tag::Tag;
use crate::policy::repair::Direction;

/// The tags, and what each of them is to name on every image.
#[derive(Debug, Default)]
pub struct Beside {
    plans: Vec<Plan>,
}

impl Beside {
    /// Reads where the tags stand. A full version that names something else already is a refusal.
    ///
    /// # Errors
    /// A tag cannot be read.
    pub async fn read(
        client: &Client<'_>,
        tags: &[Tag],
        sha: &CommitSha,
        facts: &[ImageFacts],
    ) -> Result<(Self, Vec<Refusal>), RegistryError> {
        let (mut plans, mut refusals) = (Vec::new(), Vec::new());
        for tag in tags {
            let looks = facts.iter().map(|image| async move {
                let reference = Reference::Tagged(image.repository.clone(), tag.clone());
                Ok::<_, RegistryError>((image, client.manifest(&reference).await?))
            });
            let mut plan =
                Plan { sha: Some(sha.clone()), tag: tag.clone(), moves: Vec::new(), already: Vec::new() };
            for (image, from) in try_join_all(looks).await? {
                // What is not staged is refused by its own guard.
                let Ok(Some(wanted)) = &image.wanted else { continue };
                let (repository, to) = (image.repository.clone(), wanted.manifest.clone());
                match from {
                    Some(from) if from.digest == to.digest => plan.already.push((repository, to)),
                    Some(from) if tag.is_full_version() => refusals.push(Refusal {
                        guard: Guard::AlsoTag,
                        image: Some(repository),
                        expected: format!("no tag {tag}, or one that names {}", to.digest),
                        found: format!("{tag} is {}", from.digest),
                        hint: "a full version names one content for ever: choose the next version".to_owned(),
                    }),
                    from => plan.moves.push(Move { repository, from, to }),
                }
            }
            plans.push(plan);
        }
        Ok((Self { plans }, refusals))
    }

    /// Writes every tag and reads it back.
    ///
    /// # Errors
    /// A tag cannot be written: those that were are put back, and `main`, the plan of the promotion, is untouched.
    pub async fn write(&self, client: &Client<'_>, target: &Target, main: &Plan) -> Result<(), EngineError> {
        for plan in self.plans.iter().filter(|plan| !plan.moves.is_empty()) {
            let mover = Mover { client, plan, direction: Direction::Promotion, target };
            let moved = match mover.move_all(&[], &mut Vec::new()).await {
                Ok(()) => verify(&mover).await,
                Err(trouble) => Err(trouble),
            };
            let Err(trouble) = moved else { continue };
            let (problem, signal) = trouble.told();
            let left = self.put_back(client, signal.is_some()).await;
            let causes = std::iter::once(problem).chain(left).collect();
            return Err(EngineError::Moving(Box::new(MoveFailure {
                sha: main.sha.clone(),
                causes: NonEmpty::from_vec(causes).expect("the first cause is always there"),
                receipts: main.receipts(|_| Ended::Untouched),
                repair: Vec::new(),
                signal,
            })));
        }
        Ok(())
    }

    /// The promotion that these tags were written for has ended: they stay, or are put back.
    ///
    /// # Errors
    /// Those of the promotion.
    pub async fn end_with(
        &self,
        client: &Client<'_>,
        promotion: Result<Executed, EngineError>,
    ) -> Result<Executed, EngineError> {
        match promotion {
            Ok(mut outcome) => {
                outcome.also = self.plans.iter().map(|plan| plan.tag.clone()).collect();
                Ok(outcome)
            }
            Err(error) => {
                for left in self.put_back(client, error.signal().is_some()).await {
                    client.context().console.warn(&left.message);
                }
                Err(error)
            }
        }
    }

    /// Puts every tag back where it was; what could not be put back is told.
    async fn put_back(&self, client: &Client<'_>, stopped: bool) -> Vec<Complaint> {
        let client = &client.until(clock::instant() + BESIDE.time(stopped));
        let moves = self.plans.iter().flat_map(|plan| plan.moves.iter().map(move |m| (plan, m)));
        let ends = join_all(moves.map(|(plan, m)| async move {
            let ended = put_back(client, plan, m, true).await;
            (plan, m, ended)
        }));
        let left = ends.await.into_iter().filter(|(.., ended)| !ended.is_as_before());
        left.map(|(plan, m, _)| {
            let was =
                m.from.as_ref().map_or("did not exist".to_owned(), |from| format!("was {}", from.digest));
            Complaint::new(
                format!("{}:{} could not be put back: it {was}", m.repository, plan.tag),
                "put it back by hand; nobody watches it, but it names a release that is not live",
            )
        })
        .collect()
    }
}
