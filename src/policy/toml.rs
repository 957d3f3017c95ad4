//! The one reader of the TOML files that people write. A file's words are a [`vocabulary::Table`]; [`read`] refuses
//! what is not among them and gives typed access to the rest; [`schema::write`] writes the same words as JSON Schema.

pub mod fields;
pub mod schema;
pub mod vocabulary;

mod check;
mod file;
mod notes;
mod syntax;
pub(crate) mod value;

use toml::de::DeTable;

pub use self::file::TomlFile;

use self::check::Check;
use self::fields::Fields;
use self::notes::Notes;
use self::vocabulary::Table;
use crate::base::diagnostic::Diagnostic;
use crate::base::list::NonEmpty;

/// Everything that is wrong with a file, in the order of the file.
pub type Mistakes = NonEmpty<Diagnostic>;

/// Reads `file`, whose words are those of `words`: `build` makes what it means of it.
///
/// `build` sees only what is made of the right words: a table with a wrong key or value is left out, as if it were not
/// there. It may go on after a mistake that it noted, with any value in its place: what it returns is used only if
/// nothing was noted. `None`: what it cannot do without was noted as a mistake.
///
/// # Errors
/// Every mistake: text that is no TOML, a key that stands twice, an unknown or missing key, a value of the wrong kind,
/// and what `build` noted.
pub fn read<T>(
    file: &TomlFile<'_>,
    words: &'static Table,
    build: impl FnOnce(&Fields<'_>) -> Option<T>,
) -> Result<T, Mistakes> {
    let notes = Notes::new(file);
    let (document, errors) = DeTable::parse_recoverable(file.text);
    for error in errors {
        let place = error.span().unwrap_or(0..0);
        let hint = syntax::hint(file.text, &place);
        notes.add(file.diagnostic(place, error.message(), hint));
    }
    notes.so_far()?;
    let readable = Check { notes: &notes }.document(document.get_ref(), words);
    let fields = Fields::new(&notes, document.get_ref(), document.span());
    let built = if readable { build(&fields) } else { None };
    notes.so_far()?;
    built.ok_or_else(|| NonEmpty::one(file.diagnostic(0..0, "this file cannot be used", None)))
}
