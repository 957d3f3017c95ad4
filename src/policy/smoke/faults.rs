//! The ways in which a recorded tenant can be spoiled, one at a time, to see whether a suite notices.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::suite::Auth;
use crate::model::check::{Answer, BodyEnd};
use crate::model::commit::CommitSha;

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
    /// A value has another type.
    WrongType,
    /// A list has no members.
    EmptiedList,
    /// Whoever asks is answered.
    OpenAuthentication,
    /// The tenant says that it runs another build.
    OtherBuild,
    /// The connection ends in the middle of the body.
    CutConnection,
}

impl Fault {
    /// The fault in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServerError => "status 500 with the same body",
            Self::HtmlPage => "an HTML page with status 200",
            Self::EmptyBody => "an empty body",
            Self::MissingKey => "a missing key",
            Self::WrongType => "a wrong type",
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
    /// Whose token it carried.
    pub auth: Auth,
    /// The answer.
    pub answer: Answer,
}

/// One fault at one place.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The fault.
    pub fault: Fault,
    /// The request that it spoils.
    pub place: String,
    /// The forms that it takes there; never empty. A suite notices the fault when it notices one of them.
    pub variants: Vec<Variant>,
}

/// One form of a fault.
#[derive(Clone, Debug)]
pub struct Variant {
    /// What it is about, such as a key; empty if there is only one.
    pub label: String,
    /// The spoiled answers, by the number of the exchange.
    pub answers: BTreeMap<usize, Answer>,
}

const EVERYWHERE: &str = "every request";
const LOGIN: &str = "<!doctype html><html><body><form action=\"/login\">Please log in</form></body></html>";

/// Every fault that can be played on these exchanges, by their numbers.
pub fn scenarios(exchanges: &BTreeMap<usize, Exchange>, sha: &CommitSha) -> Vec<Scenario> {
    let mut places: Vec<(String, Vec<usize>)> = Vec::new();
    for (number, exchange) in exchanges {
        let place = named(exchange);
        match places.iter_mut().find(|(name, _)| *name == place) {
            Some((_, numbers)) => numbers.push(*number),
            None => places.push((place, vec![*number])),
        }
    }
    let local = [
        Fault::ServerError,
        Fault::HtmlPage,
        Fault::EmptyBody,
        Fault::MissingKey,
        Fault::WrongType,
        Fault::EmptiedList,
        Fault::CutConnection,
    ];
    let mut all = Vec::new();
    for (place, numbers) in &places {
        for fault in local {
            let variants = variants(fault, exchanges, numbers);
            if !variants.is_empty() {
                all.push(Scenario { fault, place: place.clone(), variants });
            }
        }
    }
    for (fault, answers) in
        [(Fault::OpenAuthentication, opened(exchanges)), (Fault::OtherBuild, rebuilt(exchanges, sha))]
    {
        let variants = vec![Variant { label: String::new(), answers }];
        all.push(Scenario { fault, place: EVERYWHERE.to_owned(), variants });
    }
    all
}

fn named(exchange: &Exchange) -> String {
    match exchange.auth {
        Auth::Own(_) => exchange.request.clone(),
        Auth::None => format!("{} (no token)", exchange.request),
        Auth::Stranger(_) => format!("{} (random token)", exchange.request),
    }
}

/// The forms of `fault` at the exchanges `numbers`: for each label the answers that are spoiled in that way.
fn variants(fault: Fault, exchanges: &BTreeMap<usize, Exchange>, numbers: &[usize]) -> Vec<Variant> {
    let mut variants: Vec<Variant> = Vec::new();
    for (number, exchange) in numbers.iter().filter_map(|number| Some((number, exchanges.get(number)?))) {
        for (label, answer) in spoiled(fault, &exchange.answer) {
            match variants.iter_mut().find(|variant| variant.label == label) {
                Some(variant) => drop(variant.answers.insert(*number, answer)),
                None => variants.push(Variant { label, answers: BTreeMap::from([(*number, answer)]) }),
            }
        }
    }
    variants
}

/// The answer, spoiled: in each way that there is. What a refusal or an error says is nobody's expectation, so bodies
/// are spoiled of successful answers only.
fn spoiled(fault: Fault, answer: &Answer) -> Vec<(String, Answer)> {
    let one = |answer: Answer| vec![(String::new(), answer)];
    let success = (200..300).contains(&answer.status);
    let body = || serde_json::from_slice::<Value>(&answer.body).ok().filter(|_| success);
    let with = |(label, value): (String, Value)| {
        (label, Answer { body: value.to_string().into_bytes(), ..answer.clone() })
    };
    match fault {
        Fault::ServerError => one(Answer { status: 500, ..answer.clone() }),
        Fault::HtmlPage => one(Answer {
            status: 200,
            headers: vec![("content-type".to_owned(), "text/html; charset=utf-8".to_owned())],
            body: LOGIN.as_bytes().to_vec(),
            end: BodyEnd::Whole,
        }),
        Fault::CutConnection => one(Answer {
            body: answer.body[..answer.body.len() / 2].to_vec(),
            end: BodyEnd::Cut,
            ..answer.clone()
        }),
        Fault::EmptyBody if success && !answer.body.is_empty() => {
            one(Answer { body: Vec::new(), ..answer.clone() })
        }
        Fault::MissingKey => {
            body().map(|value| without_keys(&value)).unwrap_or_default().into_iter().map(with).collect()
        }
        Fault::WrongType => {
            body().map(|value| retyped(&value)).unwrap_or_default().into_iter().map(with).collect()
        }
        Fault::EmptiedList => {
            body().map(|value| emptied(&value)).unwrap_or_default().into_iter().map(with).collect()
        }
        Fault::EmptyBody | Fault::OpenAuthentication | Fault::OtherBuild => Vec::new(),
    }
}

/// The value without one key, for each key of the object, or of the objects in the list.
fn without_keys(value: &Value) -> Vec<(String, Value)> {
    let keys: Vec<String> = match value {
        Value::Object(object) => object.keys().cloned().collect(),
        Value::Array(list) => {
            let mut keys: Vec<String> =
                list.iter().filter_map(Value::as_object).flat_map(Map::keys).cloned().collect();
            keys.sort();
            keys.dedup();
            keys
        }
        _ => Vec::new(),
    };
    let without = |key: &String| {
        let mut value = value.clone();
        match &mut value {
            Value::Object(object) => drop(object.remove(key)),
            Value::Array(list) => {
                list.iter_mut().filter_map(Value::as_object_mut).for_each(|o| drop(o.remove(key)));
            }
            _ => {}
        }
        (key.clone(), value)
    };
    keys.iter().map(without).collect()
}

/// The value with another type, and with another type at each key.
fn retyped(value: &Value) -> Vec<(String, Value)> {
    let mut all = vec![("the whole body".to_owned(), other_type(value))];
    if let Value::Object(object) = value {
        for (key, inner) in object {
            let mut object = object.clone();
            object.insert(key.clone(), other_type(inner));
            all.push((key.clone(), Value::Object(object)));
        }
    }
    all
}

fn other_type(value: &Value) -> Value {
    match value {
        Value::Object(_) => json!([]),
        Value::Array(_) => json!({ "items": value }),
        Value::String(_) => json!(42),
        Value::Null | Value::Bool(_) | Value::Number(_) => json!(value.to_string()),
    }
}

/// The value with a list emptied, for each list that has members.
fn emptied(value: &Value) -> Vec<(String, Value)> {
    match value {
        Value::Array(list) if !list.is_empty() => vec![("the whole body".to_owned(), json!([]))],
        Value::Object(object) => {
            let lists =
                object.iter().filter(|(_, inner)| inner.as_array().is_some_and(|list| !list.is_empty()));
            let emptied = |(key, _): (&String, &Value)| {
                let mut object = object.clone();
                object.insert(key.clone(), json!([]));
                (key.clone(), Value::Object(object))
            };
            lists.map(emptied).collect()
        }
        _ => Vec::new(),
    }
}

/// Whoever asks gets what the tenant's own token got.
fn opened(exchanges: &BTreeMap<usize, Exchange>) -> BTreeMap<usize, Answer> {
    let strangers = exchanges.iter().filter(|(_, exchange)| !matches!(exchange.auth, Auth::Own(_)));
    let answer = |(number, exchange): (&usize, &Exchange)| {
        let own =
            exchanges.values().find(|own| matches!(own.auth, Auth::Own(_)) && own.asked == exchange.asked);
        let open = Answer { status: 200, headers: Vec::new(), body: b"{}".to_vec(), end: BodyEnd::Whole };
        (*number, own.map_or(open, |own| own.answer.clone()))
    };
    strangers.map(answer).collect()
}

/// Every text that begins with the sha's first digits names another build.
fn rebuilt(exchanges: &BTreeMap<usize, Exchange>, sha: &CommitSha) -> BTreeMap<usize, Answer> {
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

#[cfg(test)]
mod tests {
    use super::{Answer, Auth, BodyEnd, Exchange, Fault, scenarios};
    use crate::policy::smoke::suite::Scheme;
    use std::collections::BTreeMap;

    fn exchange(request: &str, auth: Auth, status: u16, body: &str) -> Exchange {
        let answer =
            Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec(), end: BodyEnd::Whole };
        Exchange { request: request.to_owned(), asked: request.to_owned(), auth, answer }
    }

    #[test]
    fn plays_every_fault_where_it_makes_a_difference() {
        let exchanges = BTreeMap::from([
            (1, exchange("GET /a", Auth::Own(Scheme::Bearer), 200, r#"{"v": "4c1d56e0", "l": [1]}"#)),
            (2, exchange("GET /b", Auth::Own(Scheme::Bearer), 200, "[]")),
            (3, exchange("GET /a", Auth::None, 401, r#"{"error": "no"}"#)),
        ]);
        let all = scenarios(&exchanges, &"4c1d56e".parse().unwrap());
        let shown: Vec<(Fault, &str, Vec<&str>)> = all
            .iter()
            .map(|s| (s.fault, s.place.as_str(), s.variants.iter().map(|v| v.label.as_str()).collect()))
            .collect();
        for expected in [
            (Fault::MissingKey, "GET /a", vec!["l", "v"]),
            (Fault::WrongType, "GET /a", vec!["the whole body", "l", "v"]),
            (Fault::EmptiedList, "GET /a", vec!["l"]),
            (Fault::WrongType, "GET /b", vec!["the whole body"]),
            (Fault::ServerError, "GET /a (no token)", vec![""]),
            (Fault::OpenAuthentication, "every request", vec![""]),
        ] {
            assert!(shown.contains(&expected), "{expected:?} in {shown:?}");
        }
        // Nothing to empty, and nobody's expectation.
        assert!(!shown.iter().any(|(f, p, _)| (*f, *p) == (Fault::EmptiedList, "GET /b")));
        assert!(!shown.iter().any(|(f, p, _)| (*f, *p) == (Fault::MissingKey, "GET /a (no token)")));
        let other = all.iter().find(|s| s.fault == Fault::OtherBuild).unwrap();
        let body = String::from_utf8(other.variants[0].answers[&1].body.clone()).unwrap();
        assert!(!body.contains("4c1d56e") && body.contains("\"l\""), "{body}");
        let open = all.iter().find(|s| s.fault == Fault::OpenAuthentication).unwrap();
        assert_eq!(open.variants[0].answers[&3].status, 200);
    }
}
