//! What a program came to against what was expected of it.

use std::time::Duration;

use super::{Exhibit, late};
use crate::base::list::NonEmpty;
use crate::model::check::{BodyEnd, Mismatch};
use crate::policy::smoke::suite::command::Program;

impl Exhibit<'_> {
    /// Holds a program that ended with `exit` after `elapsed` and wrote `words` to stderr against what is expected; its
    /// stdout is the body of the answer. `Ok`: all of it holds.
    ///
    /// # Errors
    /// What does not hold.
    pub fn ended(
        &self,
        program: &Program,
        exit: Option<i32>,
        words: &str,
        elapsed: Duration,
    ) -> Result<(), NonEmpty<Mismatch>> {
        let mut mismatches = Vec::new();
        if !program.exit.iter().any(|code| exit == Some(i32::from(*code))) {
            let wanted: Vec<String> = program.exit.iter().map(ToString::to_string).collect();
            let code = exit.map_or_else(|| "killed by a signal".to_owned(), |code| code.to_string());
            let words = self.quote(words);
            let found = if words.is_empty() { code } else { format!("{code} with {words}") };
            mismatches.push(Mismatch {
                subject: "exit code".to_owned(),
                expected: wanted.join(" or "),
                found,
            });
        }
        if self.answer.end == BodyEnd::TooLong {
            mismatches.push(super::too_long());
        } else {
            mismatches.extend(program.assertions.iter().flat_map(|assertion| self.look(assertion)));
        }
        for mismatch in mismatches.iter_mut().filter(|mismatch| mismatch.subject == "body") {
            mismatch.subject = "stdout".to_owned();
        }
        mismatches.extend(late(program.within, elapsed));
        mismatches.dedup();
        NonEmpty::from_vec(mismatches).map_or(Ok(()), Err)
    }
}
