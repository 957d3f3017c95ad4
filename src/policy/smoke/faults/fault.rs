//! What can be wrong with a tenant, and what is known of it while it is well.

use crate::model::check::Answer;
use crate::policy::smoke::suite::Auth;
use crate::policy::smoke::suite::json_path::Path;

/// What is done to a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Status 500 with the same body.
    ServerError,
    /// A login page with status 200.
    HtmlPage,
    /// The same status without a body.
    EmptyBody,
    /// One key of an object is not there.
    MissingKey,
    WrongType,
    NullValue,
    EmptiedList,
    OpenAuthentication,
    /// The tenant says that it runs another build.
    OtherBuild,
    /// The connection ends in the middle of the body.
    CutConnection,
}

impl Fault {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServerError => "status 500 with the same body",
            Self::HtmlPage => "an HTML page with status 200",
            Self::EmptyBody => "an empty body",
            Self::MissingKey => "a missing key",
            Self::WrongType => "a wrong type",
            Self::NullValue => "a null",
            Self::EmptiedList => "an emptied list",
            Self::OpenAuthentication => "authentication left open",
            Self::OtherBuild => "another build",
            Self::CutConnection => "a cut connection",
        }
    }
}

/// One exchange with the healthy tenant.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The request as the suite writes it.
    pub request: String,
    /// What was asked in the end: method and target.
    pub asked: String,
    pub auth: Auth,
    /// The parts of the answer that the suite looks at.
    pub paths: Vec<Path>,
    pub answer: Answer,
}
