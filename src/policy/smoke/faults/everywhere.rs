//! Faults of a tenant as a whole.

use std::collections::BTreeMap;

use super::fault::Exchange;
use crate::model::check::{Answer, BodyEnd};
use crate::model::commit::CommitSha;

/// Whoever was refused gets what the same request got with a token or a login.
pub(super) fn opened(exchanges: &BTreeMap<usize, Exchange>) -> BTreeMap<usize, Answer> {
    let refused = |exchange: &Exchange| !(200..300).contains(&exchange.answer.status);
    let strangers = exchanges.iter().filter(|(_, exchange)| !exchange.identified && refused(exchange));
    let answer = |(number, exchange): (&usize, &Exchange)| {
        let own = exchanges.values().find(|own| own.identified && own.asked == exchange.asked);
        let open = Answer { status: 200, headers: Vec::new(), body: b"{}".to_vec(), end: BodyEnd::Whole };
        (*number, own.map_or(open, |own| own.answer.clone()))
    };
    strangers.map(answer).collect()
}

/// Every text that begins with the sha's first digits names another build.
pub(super) fn rebuilt(exchanges: &BTreeMap<usize, Exchange>, sha: &CommitSha) -> BTreeMap<usize, Answer> {
    let replaced = |text: &str| {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(sha.short()) {
            let (before, from) = rest.split_at(at);
            let end = from.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(from.len());
            out.push_str(before);
            out.extend(from[..end].chars().map(|c| if c == 'b' { '0' } else { 'b' }));
            rest = &from[end..];
        }
        out + rest
    };
    let rebuild = |answer: &Answer| Answer {
        headers: answer.headers.iter().map(|(name, value)| (name.clone(), replaced(value))).collect(),
        body: replaced(&String::from_utf8_lossy(&answer.body)).into_bytes(),
        ..answer.clone()
    };
    exchanges.iter().map(|(number, exchange)| (*number, rebuild(&exchange.answer))).collect()
}
