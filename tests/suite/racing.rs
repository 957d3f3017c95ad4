//! Two at once.

use crate::support::{Fixture, ONE, THREE, TWO, digests};

#[test]
fn of_two_promotions_at_once_the_images_agree_or_the_loser_says_so() {
    const ROUNDS: usize = 50;
    let fixture = Fixture::promoted();
    fixture.stage(THREE);
    for round in 0..ROUNDS {
        fixture.stand_at(ONE);
        let promote = |sha: &str| {
            let program = fixture.run("promote-latest").args([sha, "--deadline", "4s", "--result"]);
            program.arg(fixture.path(&format!("{sha}.json"))).spawn()
        };
        let children = [promote(TWO), promote(THREE)];
        let done = children.map(|child| crate::support::Done::of(child, fixture.path("unused")));
        let codes = done.each_ref().map(|d| d.code);
        let latest = fixture.latest();
        let whole = [ONE, TWO, THREE].into_iter().find(|sha| digests(sha) == latest);
        let told = format!("round {round}: {codes:?} {latest:?}\n{}\n{}", done[0].stderr, done[1].stderr);
        assert!(codes.iter().all(|code| [0, 1, 4].contains(code)), "{told}");
        match whole {
            // Who says 0 stands there, unless the other one moved it on afterwards and says 0 too.
            Some(sha) => assert!(codes[0] != 0 || codes[1] != 0 || sha != ONE, "{told}"),
            None => assert!(codes.contains(&4), "{told}"),
        }
        for (i, sha) in [TWO, THREE].into_iter().enumerate() {
            assert!(
                codes[i] != 0 || whole == Some(sha) || codes[1 - i] != 1,
                "{sha} said 0 and is not there, and nobody says why\n{told}"
            );
        }
    }
}
