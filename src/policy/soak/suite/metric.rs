//! One metric: how it is judged.

use super::ask;
use super::{Metric, Source};
use crate::base::list::NonEmpty;
use crate::policy::soak::judge::{Assure, Breach, Goal, Harm, Margin, Rule};
use crate::policy::toml::fields::Fields;

/// What every metric may lean on.
pub(super) struct Defaults<'a> {
    /// The sources by name; `None`: there, but with a mistake.
    pub(super) sources: &'a [(String, Option<Source>)],
    /// What a green needs.
    pub(super) assure: Assure,
}

/// Keys that say how a metric is judged, and the kinds that know them.
const RULES: [(&str, &[&str]); 11] = [
    ("at_least", &["rate", "value", "latency"]),
    ("above", &["rate", "value"]),
    ("at_most", &["rate", "value"]),
    ("below", &["rate", "value"]),
    ("within", &["latency"]),
    ("min_samples", &["rate", "latency", "compare", "equal"]),
    ("min_exposure", &["zero"]),
    ("exposure", &["zero"]),
    ("margin", &["compare"]),
    ("split", &["compare"]),
    ("assure", &["rate", "latency", "compare"]),
];
const RULES_OF_COUNTS: [(&str, &[&str]); 4] =
    [("tolerance", &["equal"]), ("breach", &["value", "equal"]), ("left", &["equal"]), ("right", &["equal"])];

/// The keys of a target.
const GOALS: [&str; 4] = ["at_least", "above", "at_most", "below"];

/// Reads one metric; every mistake is noted.
pub(super) fn read(fields: &Fields<'_>, defaults: &Defaults<'_>) -> Option<Metric> {
    let name = fields.keep(fields.required("name"))?;
    let place = name.span();
    let name = name.get_ref().trim().to_owned();
    if name.is_empty() || name.contains(char::is_control) {
        fields.refuse(place.clone(), "a metric needs a name", "write it in one line; reports go by it");
    }
    let kind = fields.keep(fields.required("kind"))?.into_inner();
    for (key, kinds) in RULES.iter().chain(&RULES_OF_COUNTS) {
        if let Some(value) = fields.get(key)
            && !kinds.contains(&kind)
        {
            let hint = format!("it is for {}", kinds.join(" and "));
            fields.refuse(value.span(), format!("`{key}` says nothing of a `{kind}` metric"), hint);
        }
    }
    let rule = rule(fields, kind, defaults.assure);
    let asks = asks(fields, kind, defaults);
    let gates = fields.text("mode").is_none_or(|mode| *mode.get_ref() == "gate");
    if kind == "trend" && gates {
        let hint = "write `mode = \"observe\"`, or judge the number as a `value`";
        fields.refuse(fields.place("kind"), "a trend is only reported, so it cannot gate", hint);
    }
    let text = |key: &str| fields.text(key).map(|text| (*text.get_ref()).to_owned());
    Some(Metric {
        name,
        why: text("why"),
        line: fields.line(&place),
        gates,
        class: text("class"),
        rule: rule?,
        exposure: text("exposure"),
        asks: NonEmpty::from_vec(asks?)?,
    })
}

fn asks(fields: &Fields<'_>, kind: &str, defaults: &Defaults<'_>) -> Option<Vec<super::Ask>> {
    if kind != "equal" {
        if fields.get("source").is_none() {
            fields.refuse(fields.span.clone(), "`source` is missing", "name the source that is asked");
            return None;
        }
        return Some(vec![ask::read(fields, fields, kind, defaults.sources)?]);
    }
    let sides = [fields.table("left"), fields.table("right")];
    let [Some(left), Some(right)] = sides else {
        let hint = "write `left = { source = ..., ... }` and `right = { source = ..., ... }`";
        fields.refuse(fields.span.clone(), "an `equal` metric needs two counts", hint);
        return None;
    };
    let (left, right) =
        (ask::read(&left, fields, kind, defaults.sources), ask::read(&right, fields, kind, defaults.sources));
    Some(vec![left?, right?])
}

fn rule(fields: &Fields<'_>, kind: &str, default: Assure) -> Option<Rule> {
    let assure = fields.text("assure").map_or(default, |word| assure(word.get_ref()));
    match kind {
        "rate" => {
            Some(Rule::Rate { goal: share_goal(fields)?, min_samples: least(fields, "min_samples")?, assure })
        }
        "zero" => Some(Rule::Zero { min_exposure: least(fields, "min_exposure")? }),
        "latency" => {
            if fields.get("at_least").is_none() {
                let hint = "p95 is `at_least = 0.95`";
                fields.refuse(
                    fields.span.clone(),
                    "`at_least` is missing: the share that must be in time",
                    hint,
                );
                return None;
            }
            let share = inner_share(fields, "at_least")?;
            Some(Rule::Latency { share, min_samples: least(fields, "min_samples")?, assure })
        }
        "compare" => Some(Rule::Compare {
            margin: margin(fields)?,
            min_samples: least(fields, "min_samples")?,
            assure,
            harm: Harm::Margin,
            split: fields.get("split").and_then(|_| inner_share(fields, "split")),
        }),
        "equal" => Some(Rule::Equal {
            tolerance: u64::from(fields.count("tolerance").unwrap_or(0)),
            min_samples: u64::from(fields.count("min_samples").unwrap_or(1)),
            // Two sources are not read at the same moment: one reading that differs is not believed.
            breach: breach(fields, Breach { of: 2, at_least: 2 })?,
        }),
        "value" => {
            Some(Rule::Value { goal: goal(fields)?, breach: breach(fields, Breach { of: 1, at_least: 1 })? })
        }
        _ => Some(Rule::Trend),
    }
}

/// A number of samples that the file must say: what is too few depends on what is at stake.
fn least(fields: &Fields<'_>, key: &str) -> Option<u64> {
    let found = fields.count(key);
    if found.is_none() && fields.get(key).is_none() {
        let hint = "without it, a green could rest on one sample";
        fields.refuse(fields.span.clone(), format!("`{key}` is missing"), hint);
    }
    found.map(u64::from)
}

/// The one of the four keys that is there.
fn goal(fields: &Fields<'_>) -> Option<Goal> {
    let mut there = GOALS.into_iter().filter(|key| fields.get(key).is_some());
    let hint = "write one of `at_least`, `above`, `at_most` and `below`";
    let Some(key) = there.next() else {
        fields.refuse(fields.span.clone(), "there is no target", hint);
        return None;
    };
    if let Some(second) = there.next() {
        fields.refuse(fields.place(second), "there are two targets", hint);
    }
    let number = fields.number(key)?;
    Some(match key {
        "at_least" => Goal::AtLeast(number),
        "above" => Goal::MoreThan(number),
        "at_most" => Goal::AtMost(number),
        _ => Goal::LessThan(number),
    })
}

/// The one of the four keys that is there, if one is.
pub(super) fn optional_goal(fields: &Fields<'_>) -> Option<Goal> {
    GOALS.iter().any(|key| fields.get(key).is_some()).then(|| goal(fields)).flatten()
}

/// A target of a share: more than 0 and less than 1, so that samples can miss it and can meet it.
fn share_goal(fields: &Fields<'_>) -> Option<Goal> {
    let goal = goal(fields)?;
    if goal.limit() > 0.0 && goal.limit() < 1.0 {
        return Some(goal);
    }
    let key = GOALS.into_iter().find(|key| fields.get(key).is_some())?;
    let hint = "write 90 % as `0.9`; what may never happen is a `zero` metric";
    fields.refuse(fields.place(key), "the target of a rate lies between 0 and 1", hint);
    None
}

fn inner_share(fields: &Fields<'_>, key: &str) -> Option<f64> {
    let number = share(fields, key)?;
    if number < 1.0 {
        return Some(number);
    }
    fields.refuse(fields.place(key), format!("`{key}` is less than 1"), "write 95 % as `0.95`");
    None
}

/// Points and percent of the file, as shares.
fn margin(fields: &Fields<'_>) -> Option<Margin> {
    let Some(table) = fields.table("margin") else {
        if fields.get("margin").is_none() {
            let hint = "write `margin = { points = 10 }`, or `{ percent = 10 }` of stable's own share";
            fields.refuse(fields.span.clone(), "`margin` is missing: how much worse may the canary be", hint);
        }
        return None;
    };
    let (points, percent) = (table.number("points"), table.number("percent"));
    let number = points.or(percent)?;
    if !(0.0..100.0).contains(&number) {
        table.refuse(table.span.clone(), "a margin is at least 0 and less than 100", "write 10 % as `10`");
        return None;
    }
    Some(if points.is_some() { Margin::Points(number / 100.0) } else { Margin::Percent(number / 100.0) })
}

fn breach(fields: &Fields<'_>, default: Breach) -> Option<Breach> {
    let Some(table) = fields.table("breach") else { return Some(default) };
    let (of, at_least) = (table.count("of")? as usize, table.count("at_least")? as usize);
    if at_least > of {
        table.refuse(
            table.span.clone(),
            format!("{at_least} of {of} can never be"),
            "`at_least` is at most `of`",
        );
        return None;
    }
    Some(Breach { of, at_least })
}

/// A number above 0 and at most 1.
pub(super) fn share(fields: &Fields<'_>, key: &str) -> Option<f64> {
    let number = fields.number(key)?;
    if number > 0.0 && number <= 1.0 {
        return Some(number);
    }
    let message = format!("`{key}` is a share: more than 0 and at most 1");
    fields.refuse(fields.place(key), message, "write 90 % as `0.9`");
    None
}

pub(super) fn assure(word: &str) -> Assure {
    if word == "bound" { Assure::Bound } else { Assure::Point }
}
