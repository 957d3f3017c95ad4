//! Trying again: the one loop that every request, upload and read-back goes through.

use std::time::Duration;

use super::client::Client;
use super::error::{Problem, RegistryError};
use crate::base::duration;
use crate::io::clock;

/// Wait before the second try; doubled for each further one, up to 16 s.
const FIRST_WAIT: Duration = Duration::from_millis(500);

impl Client<'_> {
    /// Does `work` until it succeeds, at most `tries` times. After an error for which `again` says yes it waits and
    /// tries once more; any other error is returned at once.
    ///
    /// # Errors
    /// That of the last try, or the wait before the next one would pass the deadline.
    pub(crate) async fn retry<T>(
        &self,
        tries: u32,
        again: impl Fn(&RegistryError) -> bool,
        mut work: impl AsyncFnMut() -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let mut tried = 1;
        loop {
            match work().await {
                Err(error) if tried < tries && again(&error) => self.pause(&error, tried).await?,
                result => return result,
            }
            tried += 1;
        }
    }

    /// Waits before try number `tried + 1`, as long as the registry asks or longer each time.
    ///
    /// # Errors
    /// The wait would pass the deadline.
    pub(crate) async fn pause(&self, error: &RegistryError, tried: u32) -> Result<(), RegistryError> {
        let wait = error.wait().unwrap_or(FIRST_WAIT * 2_u32.pow(tried.min(6) - 1));
        if wait >= self.remaining() {
            return Err(match error.wait() {
                Some(wait) => RegistryError::new(error.attempted.clone(), Problem::WaitTooLong { wait }),
                None => error.clone(),
            });
        }
        self.context().console.detail(&format!("{error}; trying again in {}", duration::show(wait)));
        clock::sleep(wait).await;
        Ok(())
    }
}
