//! Whether what is known of a release is enough to promote it.

use std::time::Duration;

use jiff::Timestamp;

use crate::base::duration;
use crate::model::record::{Kind, ReleaseRecord, VerdictRecord};
use crate::model::refusal::{Guard, Refusal};
use crate::model::verdict::Verdict;

/// Clocks of runners differ; a verdict from further in the future than this is no verdict of now.
const AHEAD: Duration = Duration::from_secs(300);

/// One piece of evidence: what was read, or why it could not be.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Where it is from, for a person: a file, or a digest in the registry.
    pub origin: String,
    /// sha256 of its bytes.
    pub sha256: String,
    pub verdict: Result<VerdictRecord, String>,
}

#[derive(Clone, Debug)]
pub struct Demand<'a> {
    pub kinds: &'a [Kind],
    /// The oldest that counts.
    pub max_age: Duration,
    /// sha256 of the suite that it must have been judged with, if that is said.
    pub suite: Option<&'a str>,
    pub now: Timestamp,
}

/// Every reason why `pieces` do not prove `record`; none if they do.
pub fn judge(record: &ReleaseRecord, pieces: &[Piece], demand: &Demand<'_>) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for piece in pieces {
        let found = match &piece.verdict {
            Err(why) => format!("{}: {why}", piece.origin),
            Ok(verdict) => match mismatch(record, verdict) {
                Some(found) => format!("{}: {found}", piece.origin),
                None => continue,
            },
        };
        let expected = format!("evidence that names {} by the digests of its record", record.release.sha);
        refusals.push(refusal(
            expected,
            found,
            "run the canary again on what is published; do not edit verdicts",
        ));
    }
    let sound: Vec<&VerdictRecord> = pieces
        .iter()
        .filter_map(|piece| piece.verdict.as_ref().ok())
        .filter(|verdict| mismatch(record, verdict).is_none())
        .collect();
    refusals.extend(demand.kinds.iter().filter_map(|kind| lacking(*kind, record, &sound, demand)));
    refusals
}

/// Why a verdict is not about this release.
pub(crate) fn mismatch(record: &ReleaseRecord, verdict: &VerdictRecord) -> Option<String> {
    let release = &record.release;
    if verdict.format != 1 {
        return Some(format!("a verdict of format {}, which this version does not know", verdict.format));
    }
    if verdict.sha != release.sha {
        return Some(format!("a verdict on {}", verdict.sha));
    }
    let all_there = release.images.iter().all(|image| verdict.images.iter().any(|judged| judged.is(image)));
    if all_there && verdict.images.len() == release.images.len() {
        return None;
    }
    let other = verdict.images.iter().find(|judged| !release.images.iter().any(|image| judged.is(image)));
    Some(match other {
        Some(judged) => format!("a verdict on {}@{}", judged.repository, judged.digest),
        None => "a verdict that does not name every image".to_owned(),
    })
}

/// Why the newest verdict of this kind is not enough.
fn lacking(
    kind: Kind,
    record: &ReleaseRecord,
    sound: &[&VerdictRecord],
    demand: &Demand<'_>,
) -> Option<Refusal> {
    let of_kind: Vec<&&VerdictRecord> = sound.iter().filter(|verdict| verdict.is(kind)).collect();
    let newest = newest(kind, sound, demand);
    let expected = format!("green {kind} evidence for {}", record.release.sha);
    let run = format!("run {} against the canary tenants", kind.tool());
    let Some(newest) = newest else {
        let found = if of_kind.is_empty() { "none".to_owned() } else { "only of another suite".to_owned() };
        return Some(refusal(
            expected,
            found,
            &format!("{run}, or promote without evidence with --no-require"),
        ));
    };
    if newest.verdict != Verdict::Green {
        let found = format!(
            "{} at {}, which is the newest",
            newest.verdict.as_str(),
            newest.finished.strftime("%F %T UTC")
        );
        return Some(refusal(expected, found, "repair what the canary found, then publish and prove again"));
    }
    if newest.proves_build == Some(false) {
        let found = "green, from a suite that does not check which build answers".to_owned();
        return Some(refusal(
            expected,
            found,
            "add `[ready]` to the suite: without it the canary may have run another build",
        ));
    }
    let ahead = Duration::try_from(newest.finished.duration_since(demand.now)).unwrap_or_default();
    // Where a soak is asked for too, what it stands on had to be fresh when it opened.
    let soak = if kind == Kind::Soak || !demand.kinds.contains(&Kind::Soak) {
        None
    } else {
        self::newest(Kind::Soak, sound, demand).and_then(|soak| soak.opened)
    };
    let until = soak.unwrap_or(demand.now);
    let age = Duration::try_from(until.duration_since(newest.finished)).unwrap_or_default();
    if ahead > AHEAD {
        return Some(refusal(
            expected,
            format!("a verdict from {} in the future", duration::show(ahead)),
            "check the clocks of the runners",
        ));
    }
    (age > demand.max_age).then(|| {
        let when = if soak.is_some() { " when the soak opened" } else { "" };
        let (age, limit) = (duration::show(age), duration::show(demand.max_age));
        let found = format!("green, {age} old; the limit is {limit}{when}");
        let sha = &record.release.sha;
        let again = format!("{} --sha {sha}", kind.tool());
        let hint = format!(
            "if the canary tenants still run {sha}, prove it anew with `{again}` (on GitHub: re-run all jobs, not only the failed ones); otherwise promote the build that they run"
        );
        refusal(expected, found, &hint)
    })
}

/// The newest verdict of this kind. Of verdicts at the same moment the one that is not green counts.
fn newest<'v>(kind: Kind, sound: &[&'v VerdictRecord], demand: &Demand<'_>) -> Option<&'v VerdictRecord> {
    let suite = demand.suite.filter(|_| kind == Kind::Smoke);
    let fits = |verdict: &&&VerdictRecord| {
        verdict.is(kind) && suite.is_none_or(|suite| verdict.suite.sha256 == suite)
    };
    sound
        .iter()
        .filter(fits)
        .max_by_key(|verdict| (verdict.finished, verdict.verdict != Verdict::Green))
        .copied()
}

fn refusal(expected: String, found: String, hint: &str) -> Refusal {
    Refusal { guard: Guard::Evidence, image: None, expected, found, hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{Demand, Piece, judge};
    use crate::model::digest::Digest;
    use crate::model::record::{JudgedImage, Kind, ReleaseRecord, SuiteName, VerdictRecord};
    use crate::model::release::{ImageRecord, Release};
    use crate::model::verdict::Verdict;
    use std::time::Duration;

    const NOON: &str = "2026-11-21T12:00:00Z";

    fn record() -> ReleaseRecord {
        let image = |name: &str| ImageRecord {
            repository: format!("ghcr.io/a/{name}").parse().unwrap(),
            digest: Digest::of(name.as_bytes()),
            media_type: crate::model::manifest::MediaType::OciIndex,
            platforms: Vec::new(),
            pins: None,
        };
        let release = Release { sha: "4c1d56e".parse().unwrap(), images: vec![image("x"), image("y")] };
        ReleaseRecord {
            format: 1,
            release,
            home: None,
            missing: Vec::new(),
            commit_time: None,
            published: NOON.parse().unwrap(),
            run: None,
        }
    }

    fn green(finished: &str) -> VerdictRecord {
        let judged = |image: &ImageRecord| JudgedImage {
            repository: image.repository.clone(),
            digest: image.digest.clone(),
        };
        VerdictRecord {
            format: 1,
            tool: "canary-smoke".to_owned(),
            command: None,
            verdict: Verdict::Green,
            sha: "4c1d56e".parse().unwrap(),
            images: record().release.images.iter().map(judged).collect(),
            suite: SuiteName { sha256: "suite".to_owned() },
            proves_build: Some(true),
            opened: None,
            finished: finished.parse().unwrap(),
            serves: None,
        }
    }

    fn found(verdicts: Vec<Result<VerdictRecord, String>>, suite: Option<&str>) -> Vec<String> {
        let piece = |verdict| Piece { origin: "v.json".to_owned(), sha256: String::new(), verdict };
        let pieces: Vec<Piece> = verdicts.into_iter().map(piece).collect();
        let demand = Demand {
            kinds: &[Kind::Smoke],
            max_age: Duration::from_secs(86_400),
            suite,
            now: NOON.parse().unwrap(),
        };
        judge(&record(), &pieces, &demand).into_iter().map(|refusal| refusal.found).collect()
    }

    #[test]
    fn only_a_fresh_green_on_these_very_digests_counts() {
        let with = |change: fn(&mut VerdictRecord)| {
            let mut verdict = green("2026-11-21T11:00:00Z");
            change(&mut verdict);
            found(vec![Ok(verdict)], Some("suite"))
        };
        assert!(with(|_| ()).is_empty());
        for (change, words) in [
            (
                (|v| v.images[1].digest = Digest::of(b"other")) as fn(&mut VerdictRecord),
                "a verdict on ghcr.io/a/y@sha256:",
            ),
            (|v| drop(v.images.pop()), "does not name every image"),
            (|v| v.sha = "5555555".parse().unwrap(), "a verdict on 5555555"),
            (|v| v.suite.sha256 = "other".to_owned(), "only of another suite"),
            (|v| v.tool = "canary-soak".to_owned(), "none"),
            (|v| v.verdict = Verdict::Red, "red at"),
            (|v| v.verdict = Verdict::Inconclusive, "inconclusive at"),
            (|v| v.proves_build = Some(false), "does not check which build answers"),
            (|v| v.finished = "2026-11-20T11:59:59Z".parse().unwrap(), "green, 1d 0h old"),
            (|v| v.finished = "2026-11-21T13:00:00Z".parse().unwrap(), "in the future"),
            (|v| v.format = 2, "format 2"),
        ] {
            let found = with(change);
            assert!(found.iter().any(|f| f.contains(words)), "{words}: {found:?}");
        }
        assert_eq!(found(vec![], None), ["none"]);
        assert!(found(vec![Err("no JSON".to_owned()), Ok(green(NOON))], None)[0].contains("v.json: no JSON"));
    }

    #[test]
    fn what_a_soak_stands_on_had_to_be_fresh_when_it_opened() {
        let soak = |opened: &str| VerdictRecord {
            tool: "canary-soak".to_owned(),
            suite: SuiteName { sha256: "gates".to_owned() },
            opened: Some(opened.parse().unwrap()),
            ..green(NOON)
        };
        let preflight = |finished: &str| VerdictRecord {
            command: Some("preflight".to_owned()),
            opened: None,
            ..VerdictRecord { finished: finished.parse().unwrap(), ..soak(NOON) }
        };
        let found = |verdicts: Vec<VerdictRecord>| {
            let piece =
                |verdict| Piece { origin: String::new(), sha256: String::new(), verdict: Ok(verdict) };
            let pieces: Vec<Piece> = verdicts.into_iter().map(piece).collect();
            let demand = Demand {
                kinds: &[Kind::Preflight, Kind::Smoke, Kind::Soak],
                max_age: Duration::from_secs(86_400),
                suite: Some("suite"),
                now: NOON.parse().unwrap(),
            };
            let refusals = judge(&record(), &pieces, &demand).into_iter();
            refusals.map(|refusal| format!("{}: {}", refusal.expected, refusal.found)).collect::<Vec<_>>()
        };
        let (opened, before) = ("2026-11-18T12:00:00Z", "2026-11-18T11:00:00Z");
        assert_eq!(found(vec![green(before), preflight(before), soak(opened)]), Vec::<String>::new());
        // The soak itself counts as none of the others, and a preflight is no soak.
        let lacking = found(vec![preflight(before), green(before)]);
        assert!(lacking[2].starts_with("green soak evidence") && lacking[2].ends_with("none"), "{lacking:?}");
        assert_eq!(found(vec![soak(opened)]).len(), 2);
        let stale = found(vec![green("2026-11-16T11:00:00Z"), preflight(before), soak(opened)]);
        assert_eq!(stale.len(), 1);
        assert!(stale[0].contains("2d 1h old; the limit is 1d 0h when the soak opened"), "{stale:?}");
        let old = VerdictRecord { finished: "2026-11-20T11:00:00Z".parse().unwrap(), ..soak(opened) };
        assert!(found(vec![green(before), preflight(before), old])[0].contains("1d 1h old; the limit"));
    }

    #[test]
    fn what_came_last_counts() {
        let red = |finished: &str| Ok(VerdictRecord { verdict: Verdict::Red, ..green(finished) });
        assert!(
            found(vec![Ok(green("2026-11-21T10:00:00Z")), red("2026-11-21T11:00:00Z")], None)[0]
                .starts_with("red at")
        );
        assert!(found(vec![red("2026-11-21T10:00:00Z"), Ok(green("2026-11-21T11:00:00Z"))], None).is_empty());
        assert!(!found(vec![red(NOON), Ok(green(NOON))], None).is_empty());
    }
}
