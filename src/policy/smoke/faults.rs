//! The ways in which a recorded tenant can be spoiled, one at a time, to see whether a suite notices.

mod body;
mod everywhere;
mod fault;

use std::collections::BTreeMap;

use serde_json::Value;

use self::body::Spot;
use super::suite::Auth;
use crate::model::check::{Answer, BodyEnd};
use crate::model::commit::CommitSha;

pub use self::fault::{Exchange, Fault};

#[derive(Clone, Debug)]
pub struct Scenario {
    pub fault: Fault,
    pub place: String,
    /// The forms that it takes there; never empty. A suite notices the fault when it notices one of them.
    pub variants: Vec<Variant>,
}

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
    // Exchanges that ask the same are one place: a fault there is noticed when one of them notices it.
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut order = Vec::new();
    for (number, exchange) in exchanges {
        let numbers = places.entry(named(exchange)).or_default();
        if numbers.is_empty() {
            order.push(named(exchange));
        }
        numbers.push(*number);
    }
    let mut all = Vec::new();
    for place in order {
        let numbers = places.get(&place).map(Vec::as_slice).unwrap_or_default();
        all.extend(at_place(&place, exchanges, numbers));
    }
    for (fault, answers) in [
        (Fault::OpenAuthentication, everywhere::opened(exchanges)),
        (Fault::OtherBuild, everywhere::rebuilt(exchanges, sha)),
    ] {
        let variants = vec![Variant { label: String::new(), answers }];
        all.push(Scenario { fault, place: EVERYWHERE.to_owned(), variants });
    }
    all
}

/// The faults of one request: those of the whole answer, then those of each object and list in it that the suite looks
/// at or into.
fn at_place(place: &str, exchanges: &BTreeMap<usize, Exchange>, numbers: &[usize]) -> Vec<Scenario> {
    let mut all = Vec::new();
    for fault in [Fault::ServerError, Fault::HtmlPage, Fault::EmptyBody, Fault::CutConnection] {
        let answers = numbers.iter().filter_map(|number| {
            let answer = &exchanges.get(number)?.answer;
            Some((*number, whole(fault, answer)?))
        });
        let answers: BTreeMap<usize, Answer> = answers.collect();
        if !answers.is_empty() {
            let variants = vec![Variant { label: String::new(), answers }];
            all.push(Scenario { fault, place: place.to_owned(), variants });
        }
    }
    // By the part and the fault: the forms, each with the answers of every exchange that has it.
    let mut forms: BTreeMap<(Spot, usize), BTreeMap<String, BTreeMap<usize, Answer>>> = BTreeMap::new();
    for number in numbers {
        let Some(exchange) = exchanges.get(number) else { continue };
        // What a refusal or an error says is nobody's expectation.
        let success = (200..300).contains(&exchange.answer.status);
        let Some(document) = serde_json::from_slice::<Value>(&exchange.answer.body).ok().filter(|_| success)
        else {
            continue;
        };
        for spot in body::spots(&document, &exchange.paths) {
            for (at, fault) in body::FAULTS.into_iter().enumerate() {
                for (label, spoiled) in body::spoiled(fault, &document, &spot) {
                    let answer = Answer { body: spoiled.to_string().into_bytes(), ..exchange.answer.clone() };
                    let form = forms.entry((spot.clone(), at)).or_default();
                    form.entry(label).or_default().insert(*number, answer);
                }
            }
        }
    }
    for ((spot, at), labels) in forms {
        let place =
            if spot.is_empty() { place.to_owned() } else { format!("{place} at {}", body::shown(&spot)) };
        let variants = labels.into_iter().map(|(label, answers)| Variant { label, answers }).collect();
        all.push(Scenario { fault: body::FAULTS[at], place, variants });
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

/// The answer, spoiled as a whole; `None`: that would make no difference.
fn whole(fault: Fault, answer: &Answer) -> Option<Answer> {
    match fault {
        Fault::ServerError => Some(Answer { status: 500, ..answer.clone() }),
        Fault::HtmlPage => Some(Answer {
            status: 200,
            headers: vec![("content-type".to_owned(), "text/html; charset=utf-8".to_owned())],
            body: LOGIN.as_bytes().to_vec(),
            end: BodyEnd::Whole,
        }),
        Fault::CutConnection => Some(Answer {
            body: answer.body[..answer.body.len() / 2].to_vec(),
            end: BodyEnd::Cut,
            ..answer.clone()
        }),
        Fault::EmptyBody if (200..300).contains(&answer.status) && !answer.body.is_empty() => {
            Some(Answer { body: Vec::new(), ..answer.clone() })
        }
        Fault::EmptyBody
        | Fault::MissingKey
        | Fault::WrongType
        | Fault::NullValue
        | Fault::EmptiedList
        | Fault::OpenAuthentication
        | Fault::OtherBuild => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Auth, BodyEnd, Exchange, Fault, scenarios};
    use crate::policy::smoke::suite::Scheme;
    use crate::policy::smoke::suite::json_path::Path;
    use std::collections::BTreeMap;

    fn exchange(request: &str, auth: Auth, status: u16, body: &str) -> Exchange {
        let answer =
            Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec(), end: BodyEnd::Whole };
        Exchange { request: request.to_owned(), asked: request.to_owned(), auth, paths: Vec::new(), answer }
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
            (Fault::WrongType, "GET /a", vec!["l", "the whole body", "v"]),
            (Fault::NullValue, "GET /a", vec!["l", "v"]),
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

    #[test]
    fn what_the_suite_looks_into_is_spoiled_as_deep_as_it_looks() {
        let body = r#"{"data": {"me": {"id": "a", "tags": ["x"]}, "all": [{"n": 1}]}, "meta": {"took": 3}}"#;
        let played = |paths: &[&str]| -> Vec<(Fault, String, Vec<String>)> {
            let mut exchange = exchange("POST /graphql", Auth::Own(Scheme::Bearer), 200, body);
            exchange.paths = paths.iter().map(|path| Path::parse(path).unwrap()).collect();
            let all = scenarios(&BTreeMap::from([(1, exchange)]), &"4c1d56e".parse().unwrap());
            let labels = |s: &super::Scenario| s.variants.iter().map(|v| v.label.clone()).collect();
            all.iter().map(|s| (s.fault, s.place.clone(), labels(s))).collect()
        };
        let has = |found: &[(Fault, String, Vec<String>)], fault, place: &str, label: &str| {
            found.iter().any(|(f, p, l)| *f == fault && p == place && l.iter().any(|l| l == label))
        };
        // An object that is looked at may have nothing in it.
        let shallow = played(&["$.data"]);
        assert!(has(&shallow, Fault::NullValue, "POST /graphql at $.data", "me"), "{shallow:?}");
        assert!(has(&shallow, Fault::MissingKey, "POST /graphql", "meta"), "a neighbour: {shallow:?}");
        assert!(!shallow.iter().any(|(_, place, _)| place.contains("me")), "nobody looks there: {shallow:?}");
        let deep = played(&["$.data.me.id", "$.data.all[*].n"]);
        assert!(has(&deep, Fault::MissingKey, "POST /graphql at $.data.me", "tags"), "{deep:?}");
        assert!(has(&deep, Fault::EmptiedList, "POST /graphql at $.data.me", "tags"), "{deep:?}");
        assert!(has(&deep, Fault::WrongType, "POST /graphql at $.data.all[*]", "n"), "{deep:?}");
        assert!(!deep.iter().any(|(_, place, _)| place.contains("meta")), "{deep:?}");
    }
}
