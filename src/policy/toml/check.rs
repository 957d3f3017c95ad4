//! Whether a file is made of its vocabulary's words, with a value of the right kind at each.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::notes::Notes;
use super::value::{described, found, in_order, integer, number, one_of, whole};
use super::vocabulary::{Form, Kind, Table};
use crate::base::diagnostic::nearest;
use crate::base::duration;

pub(super) struct Check<'a> {
    pub(super) notes: &'a Notes<'a>,
}

/// What is wrong with one value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Right,
    /// It is a table, or holds tables, with a mistake somewhere in them.
    Below,
    /// It is of the wrong kind itself.
    Wrong,
}

impl Check<'_> {
    /// Checks a whole file. `false`: something that it must have is missing, so that no more can be said about it.
    pub(super) fn document(&self, table: &DeTable<'_>, words: &Table) -> bool {
        let values = self.values(table, words).into_iter().all(|state| state != State::Wrong);
        self.complete(table, 0..0, words) && values
    }

    /// Checks `table` and all below it. `place` is shown when a key is missing.
    fn table(&self, table: &DeTable<'_>, place: Range<usize>, words: &Table) -> State {
        let known = table.iter().all(|(key, _)| words.key(key.get_ref()).is_some());
        let values = self.values(table, words).into_iter().all(|state| state == State::Right);
        if self.complete(table, place, words) && values && known {
            return State::Right;
        }
        self.notes.mark(table);
        State::Below
    }

    /// Checks the values at known keys, and notes the unknown ones.
    fn values(&self, table: &DeTable<'_>, words: &Table) -> Vec<State> {
        let mut states = Vec::new();
        for (key, value) in in_order(table) {
            match words.key(key.get_ref()) {
                Some(known) => states.push(self.value(value, known.kind)),
                None => self.unknown(key.span(), key.get_ref(), words),
            }
        }
        states
    }

    fn unknown(&self, place: Range<usize>, word: &str, words: &Table) {
        let known: Vec<&str> = words.all().map(|key| key.name).collect();
        let hint = match nearest(word, known.iter().copied()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("`{}` takes {}", words.name, listed(&known)),
        };
        self.notes.at(place, format!("unknown key `{word}` in `{}`", words.name), Some(hint));
    }

    /// Whether everything is there that must be. What was only mistyped is not called missing as well.
    fn complete(&self, table: &DeTable<'_>, place: Range<usize>, words: &Table) -> bool {
        let unknown = || table.iter().map(|(key, _)| key.get_ref()).filter(|key| words.key(key).is_none());
        let mistyped = |name: &str| unknown().any(|word| nearest(word, [name]).is_some());
        let mut complete = true;
        for name in words.required.iter().filter(|name| !table.contains_key(**name)) {
            complete = false;
            if !mistyped(name) {
                let about = words.key(name).map_or("", |key| key.about);
                let message = format!("`{name}` is missing from `{}`", words.name);
                self.notes.at(place.clone(), message, Some(format!("`{name}`: {about}")));
            }
        }
        if words.either.is_empty() || unknown().next().is_some() {
            return complete;
        }
        self.either(table, place, words) && complete
    }

    fn either(&self, table: &DeTable<'_>, place: Range<usize>, words: &Table) -> bool {
        let begun: Vec<_> =
            words.either.iter().filter(|set| set.iter().any(|name| table.contains_key(*name))).collect();
        let forms: Vec<String> = words
            .either
            .iter()
            .map(|set| set.iter().map(|n| format!("`{n}`")).collect::<Vec<_>>().join(" and "))
            .collect();
        let name = words.name;
        let message = match begun.as_slice() {
            [set] => match set.iter().find(|name| !table.contains_key(**name)) {
                None => return true,
                Some(missing) => format!("`{missing}` is missing from `{name}`"),
            },
            [] => format!("`{name}` says nothing"),
            _ => format!("`{name}` says two things at once"),
        };
        self.notes.at(place, message, Some(format!("write {}", forms.join(", or "))));
        false
    }

    fn value(&self, value: &Spanned<DeValue<'_>>, kind: Kind) -> State {
        match (kind, value.get_ref()) {
            (Kind::Table(words), DeValue::Table(table)) => self.table(table, value.span(), words),
            (Kind::Tables(words), DeValue::Array(list)) if list.is_empty() => {
                let hint = "an empty list proves nothing".to_owned();
                self.wrong(value, format!("there is no `{}`", words.name), Some(hint))
            }
            (Kind::Tables(words), DeValue::Array(list)) => {
                self.members(list.iter().map(|item| (item, Kind::Table(words))))
            }
            (Kind::List { of, least }, DeValue::Array(list)) if list.len() >= least => {
                self.members(list.iter().map(|item| (item, *of)))
            }
            (Kind::Map(of), DeValue::Table(table)) if !table.is_empty() => {
                self.members(in_order(table).into_iter().map(|(_, value)| (value, *of)))
            }
            (Kind::Map(_), DeValue::Table(_)) => {
                self.wrong(value, "expected at least one key, found an empty table".to_owned(), None)
            }
            (Kind::Json | Kind::Plain, _) if takes(kind, value) => self.json(value),
            (Kind::Form(form), _) => self.form(value, form),
            (Kind::Exactly(number), DeValue::Integer(_)) if whole(value) != Some(number) => {
                let hint = format!("this version reads `format = {number}`");
                self.wrong(value, "this format is not known".to_owned(), Some(hint))
            }
            (Kind::Duration, DeValue::String(text)) => match duration::parse(text) {
                Ok(_) => State::Right,
                Err(problem) => self.wrong(value, problem, None),
            },
            (Kind::Choice(words), DeValue::String(text)) if !words.contains(&text.as_ref()) => {
                let hint = nearest(text, words.iter().copied()).map(|word| format!("did you mean `{word}`?"));
                self.wrong(value, format!("expected {}, found `{text}`", one_of(words)), hint)
            }
            (kind, _) if takes(kind, value) && in_range(kind, value) => State::Right,
            (kind, _) => {
                self.wrong(value, format!("expected {}, found {}", described(kind), found(value)), None)
            }
        }
    }

    /// Something that can be written in several ways: the one that the value's type points to says what is wrong.
    fn form(&self, value: &Spanned<DeValue<'_>>, form: &Form) -> State {
        let empty = matches!(value.get_ref(), DeValue::Table(table) if table.is_empty());
        let mut ways = form.kinds.iter().filter(|kind| takes(**kind, value) && !empty);
        match ways.clone().find(|kind| fits(**kind, value)) {
            Some(way) => return self.value(value, *way),
            None => {
                if let Some(Kind::Choice(words)) = ways.find(|kind| matches!(kind, Kind::Choice(_)))
                    && let Some(meant) =
                        value.get_ref().as_str().and_then(|text| nearest(text, words.iter().copied()))
                {
                    let message = format!("expected {}, found {}", form.name, found(value));
                    return self.wrong(value, message, Some(format!("did you mean `{meant}`?")));
                }
            }
        }
        let message = format!("expected {}, found {}", form.name, found(value));
        self.wrong(value, message, Some(form.hint.to_owned()))
    }

    fn members<'v, 'i: 'v>(&self, members: impl Iterator<Item = (&'v Spanned<DeValue<'i>>, Kind)>) -> State {
        let states: Vec<State> = members.map(|(value, kind)| self.value(value, kind)).collect();
        if states.contains(&State::Wrong) {
            State::Wrong
        } else if states.contains(&State::Below) {
            State::Below
        } else {
            State::Right
        }
    }

    /// JSON has no dates, and no numbers that are none.
    fn json(&self, value: &Spanned<DeValue<'_>>) -> State {
        match value.get_ref() {
            DeValue::Datetime(_) => {
                let hint = "write the text that the answer holds, in quotes".to_owned();
                self.wrong(value, "JSON has no dates".to_owned(), Some(hint))
            }
            DeValue::Float(_) if number(value).is_none() => {
                self.wrong(value, "JSON has no such number".to_owned(), None)
            }
            DeValue::Integer(_) if integer(value).is_none() => {
                self.wrong(value, "this number is too large to be compared exactly".to_owned(), None)
            }
            DeValue::Array(list) => self.members(list.iter().map(|item| (item, Kind::Json))),
            DeValue::Table(table) => {
                self.members(in_order(table).into_iter().map(|(_, value)| (value, Kind::Json)))
            }
            DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => {
                State::Right
            }
        }
    }

    fn wrong(&self, value: &Spanned<DeValue<'_>>, message: String, hint: Option<String>) -> State {
        self.notes.at(value.span(), message, hint);
        State::Wrong
    }
}

fn takes(kind: Kind, value: &Spanned<DeValue<'_>>) -> bool {
    match (kind, value.get_ref()) {
        (Kind::Text | Kind::Like(_) | Kind::Duration | Kind::Choice(_), DeValue::String(_))
        | (Kind::Flag, DeValue::Boolean(_))
        | (Kind::Count | Kind::Size | Kind::Exactly(_) | Kind::Between(..), DeValue::Integer(_))
        | (Kind::Number, DeValue::Integer(_) | DeValue::Float(_))
        | (Kind::List { .. } | Kind::Tables(_), DeValue::Array(_))
        | (Kind::Table(_) | Kind::Map(_), DeValue::Table(_))
        | (Kind::Json | Kind::Form(_), _) => true,
        (Kind::Plain, value) => !value.is_table(),
        _ => false,
    }
}

/// Whether a number or a word of the right type is one that is allowed; true of everything else.
fn in_range(kind: Kind, value: &Spanned<DeValue<'_>>) -> bool {
    match kind {
        Kind::Count => whole(value).is_some_and(|n| n > 0),
        Kind::Size => whole(value).is_some(),
        Kind::Between(least, most) => whole(value).is_some_and(|n| (least..=most).contains(&n)),
        Kind::Number => number(value).is_some(),
        Kind::Choice(words) => value.get_ref().as_str().is_some_and(|text| words.contains(&text)),
        Kind::List { least, .. } => value.get_ref().as_array().is_some_and(|list| list.len() >= least),
        _ => true,
    }
}

/// Whether this is the way in which a form is written here.
fn fits(kind: Kind, value: &Spanned<DeValue<'_>>) -> bool {
    takes(kind, value) && in_range(kind, value)
}

fn listed(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
