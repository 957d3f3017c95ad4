//! What went wrong and what to do about it: the one form in which every floor hands both up.

/// One thing that went wrong, for a person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Complaint {
    /// What was tried, on what, what was expected and what was found.
    pub message: String,
    /// What to do; empty where the message says that too.
    pub hint: String,
}

impl Complaint {
    pub fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }

    /// The hint, if the message does not say that too.
    pub fn advice(&self) -> Option<&str> {
        Some(self.hint.as_str()).filter(|hint| !hint.is_empty())
    }
}
