use super::{Query, Soak, read};
use crate::policy::soak::judge::{Goal, Rule};
use crate::policy::toml::TomlFile;

const HEAD: &str = "format = 1\n[soak]\nwindow = '24h'\n[source.db]\ntype = 'postgres'\ndsn_env = 'D'\n[source.p]\ntype = 'prometheus'\nurl = 'http://p'\n[source.c]\ntype = 'command'\n";
const METRIC: &str = "[[metric]]\nname = 'm'\nkind = 'rate'\nat_least = 0.9\nmin_samples = 30\nsource = 'db'\nsql = 'SELECT $1, $2'\n";

fn soak(text: &str) -> Result<Soak, String> {
    read(&TomlFile { name: "soak.toml", text })
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

#[test]
fn the_examples_are_read() {
    for text in [
        include_str!("../../../../docs/examples/soak/flexible-rollout.toml"),
        include_str!("../../../../docs/examples/soak/operator-readiness.toml"),
        include_str!("../../../../docs/examples/soak/prompt-canary.toml"),
        include_str!("../../../../docs/examples/soak/fast-recovery.toml"),
    ] {
        soak(text).unwrap_or_else(|message| panic!("{message}"));
    }
}

#[test]
fn a_metric_knows_its_rule_and_its_question() {
    let soak = soak(&format!("{HEAD}{METRIC}")).unwrap();
    let metric = soak.metrics.first();
    assert!(matches!(metric.rule, Rule::Rate { goal: Goal::AtLeast(_), min_samples: 30, .. }));
    assert!(matches!(&metric.asks.first().query, Query::Sql { samples: None, full: false, .. }));
    assert_eq!((soak.gating(), metric.line), (1, 13));
}

#[test]
fn every_mistake_has_its_place_and_all_are_told_at_once() {
    let metric = |from: &str, to: &str| format!("{HEAD}{}", METRIC.replace(from, to));
    for (text, words) in [
        (metric("name = 'm'", "name = ''"), "a metric needs a name"),
        (format!("{HEAD}{METRIC}{METRIC}"), "there are two metrics named `m`"),
        (metric("'rate'", "'rat'"), "did you mean `rate`?"),
        (metric("at_least = 0.9", "at_least = 90"), "lies between 0 and 1"),
        (metric("at_least = 0.9\n", ""), "there is no target"),
        (metric("at_least = 0.9\n", "at_least = 0.9\nbelow = 0.8\n"), "there are two targets"),
        (metric("min_samples = 30\n", ""), "`min_samples` is missing"),
        (metric("source = 'db'", "source = 'dp'"), "there is no source `dp`"),
        (metric("sql =", "query ="), "`query` cannot be asked of this source"),
        (metric("sql =", "within = '1s'\nsql ="), "`within` says nothing of a `rate` metric"),
        (metric("name = 'm'", "name = 'm'\nmode = 'observe'"), "no metric gates"),
        (metric("'rate'", "'trend'"), "so it cannot gate"),
        (metric("'rate'", "'equal'"), "needs two counts"),
        (metric("sql = 'SELECT $1, $2'", "sql = ''"), "`sql` is empty"),
        (metric("$1", "now()"), "counts more than the soak's own time"),
        (
            metric("source = 'db'\nsql = 'SELECT $1, $2'", "source = 'p'\ncounter = 'c'"),
            "nothing says which samples",
        ),
        (
            metric("source = 'db'\nsql = 'SELECT $1, $2'", "source = 'c'\nrun = ['x', '{{ starrt }}']"),
            "did you mean `{{ start }}`?",
        ),
        (format!("{HEAD}{METRIC}").replace("'24h'", "'30m'"), "longer than `settle` and two ticks"),
        (format!("{HEAD}{METRIC}").replace("'http://p'", "'http://u:p@h'"), "no user and no password"),
        (format!("{HEAD}{METRIC}").replace("url = 'http://p'", ""), "say where it is, once"),
        (
            format!("{HEAD}{METRIC}").replace("dsn_env = 'D'", "url = 'http://p'"),
            "`url` is not for a postgres",
        ),
        (format!("{HEAD}{METRIC}").replace("window = '24h'", "window = '24h'\nalpha_red = 5"), "is a share"),
    ] {
        let message = soak(&text).unwrap_err();
        assert!(message.contains(words) && message.contains('^'), "{words}: {message}");
    }
    let message = soak(&metric("min_samples = 30", "min_samples = 0").replace("'D'", "7")).unwrap_err();
    assert_eq!(message.matches("-->").count(), 2, "{message}");
}
