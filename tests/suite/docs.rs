//! The documents say what the binaries do: examples are run, options and exit codes compared, links followed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use coalmine::base::exit::Exit;

use crate::support::{Fixture, IMAGES, PROGRAMS, Program, digests, release, single};

/// The registry of the examples; in a test, the sandbox.
const HOST: &str = "localhost:5000";
/// The commits of the examples, old and new.
const OLD: &str = "4c1d56e";
const NEW: &str = "9f02ab7";

/// One ```console block with the scenario that the comment before it names.
struct Example {
    place: String,
    scenario: String,
    text: String,
}

/// A command of an example and the lines that it should print.
struct Line {
    command: String,
    expected: Vec<String>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every page: those of the root and all of `docs/`.
fn pages() -> Vec<PathBuf> {
    fn below(folder: &Path, depth: usize, pages: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder of pages") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && depth > 0 {
                below(&path, depth - 1, pages);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    let mut pages = Vec::new();
    below(root(), 0, &mut pages);
    below(&root().join("docs"), 3, &mut pages);
    pages.sort();
    pages
}

fn page_of(tool: &str) -> String {
    fs::read_to_string(root().join("docs/tools").join(format!("{tool}.md"))).expect("each tool has a page")
}

fn examples(page: &Path) -> Vec<Example> {
    let text = fs::read_to_string(page).expect("the page is UTF-8");
    let name = page.strip_prefix(root()).expect("a page of this repository").display().to_string();
    let marks = text.split("<!-- runnable: ").skip(1);
    marks
        .enumerate()
        .map(|(i, rest)| {
            let (scenario, rest) = rest.split_once(" -->\n").expect("the comment ends with its line");
            let block = rest.strip_prefix("```console\n").expect("a console block follows the comment");
            let (block, _) = block.split_once("\n```").expect("the block ends");
            Example {
                place: format!("{name}, example {}", i + 1),
                scenario: scenario.into(),
                text: block.into(),
            }
        })
        .collect()
}

impl Example {
    /// Commands begin with `$ ` and go on in the next line after a backslash; all else is output.
    fn lines(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        for text in self.text.lines() {
            match (text.strip_prefix("$ "), lines.last_mut()) {
                (Some(command), _) => lines.push(Line { command: command.into(), expected: Vec::new() }),
                (None, Some(line)) if line.command.ends_with('\\') => {
                    line.command.pop();
                    line.command.push_str(text.trim_start());
                }
                (None, Some(line)) => line.expected.push(text.into()),
                (None, None) => panic!("{}: it begins with output", self.place),
            }
        }
        lines
    }

    /// What the example says and the binaries do not.
    fn play(&self) -> Result<(), String> {
        let fixture = scenario(&self.scenario);
        let host = fixture.registry.host();
        let mut code = 0;
        for line in self.lines() {
            let shown = line.command == "echo $?";
            if code != 0 && !shown {
                return Err(format!("{}: exit code {code} before `{}`", self.place, line.command));
            }
            let command = format!("(exit {code}); {}", line.command.replace(HOST, &host));
            let printed = fixture.path("printed");
            let file = fs::File::create(&printed).unwrap();
            let path = Path::new(env!("CARGO_BIN_EXE_promote-latest")).parent().unwrap();
            let status = Command::new("/bin/sh")
                .args(["-c", &command])
                .env_clear()
                .env("PATH", path)
                .env("HOME", fixture.folder.path())
                .current_dir(fixture.folder.path())
                .stdin(Stdio::null())
                .stdout(file.try_clone().unwrap())
                .stderr(file)
                .status()
                .unwrap();
            code = status.code().unwrap_or(-1);
            let found = fs::read_to_string(&printed).unwrap().replace(&host, HOST);
            let found: Vec<&str> = found.lines().collect();
            if !matches(&line.expected, &found) {
                let (expected, found) = (line.expected.join("\n"), found.join("\n"));
                let place = format!("{}: `{}`", self.place, line.command);
                return Err(format!("{place}\n--- expected\n{expected}\n--- found\n{found}\n"));
            }
        }
        if code == 0 { Ok(()) } else { Err(format!("{}: the last exit code is {code}", self.place)) }
    }
}

/// `...` stands for any lines, `[..]` for anything within a line.
fn matches(expected: &[String], found: &[&str]) -> bool {
    match (expected.split_first(), found.split_first()) {
        (None, None) => true,
        (Some((any, rest)), _) if any == "..." => {
            (0..=found.len()).any(|skipped| matches(rest, &found[skipped..]))
        }
        (Some((line, rest)), Some((first, others))) => fits(line, first) && matches(rest, others),
        _ => false,
    }
}

fn fits(pattern: &str, line: &str) -> bool {
    match pattern.split_once("[..]") {
        None => pattern == line,
        Some((start, rest)) => line.strip_prefix(start).is_some_and(|line| {
            line.char_indices().map(|(i, _)| i).chain([line.len()]).any(|i| fits(rest, &line[i..]))
        }),
    }
}

/// What the registry holds before an example begins.
fn scenario(name: &str) -> Fixture {
    let fixture = Fixture::new();
    fixture.configure(&format!("[release]\nimages = {:?}\nrequire = []\n", fixture.repositories()));
    match name {
        // Nothing but what was built.
        "layouts" => build(&fixture),
        // The first build is published.
        "published" => {
            build(&fixture);
            published(&fixture, OLD);
            single("0000000").write_layout(&fixture.path("out/other-build"), None).unwrap();
        }
        // An image under a tag of the build's own.
        "pushed" => {
            fixture.registry.push(IMAGES[0], "build-17", &release(OLD)[0]).unwrap();
        }
        // Both builds are published, the old one was promoted.
        "staged" => both(&fixture),
        // The same, and evidence of a smoke test is asked for.
        "required" => {
            both(&fixture);
            fixture.configure(&format!("[release]\nimages = {:?}\n", fixture.repositories()));
        }
        // The new build was never published for the second image.
        "half" => {
            both(&fixture);
            fixture.registry.delete_tag(IMAGES[1], &format!("staging-{NEW}")).unwrap();
        }
        // The new build was promoted.
        "promoted" => promoted(&fixture),
        // The new build was promoted, and then somebody went back.
        "held" => {
            promoted(&fixture);
            let back = Program::new("rollback-latest", fixture.folder.path());
            back.args([OLD, "--reason", "checkout fails for half of the tenants"]).run().code(0);
        }
        // Somebody moved one image by hand.
        "apart" => {
            both(&fixture);
            let digest = digests(NEW)[0].clone().unwrap();
            fixture.registry.move_tag(IMAGES[0], "latest", &digest).unwrap();
        }
        // Rings are declared, and twenty tenants are listed beside those that are named.
        "rings" => {
            fixture.configure(
                "[rings]\nsalt = \"platform-2026\"\nnever = [\"acme\"]\ntenants = \"tenants.txt\"\n\
                 [[ring]]\nname = \"canary\"\ntenants = [\"sister\", \"pilot-b\"]\n\
                 [[ring]]\nname = \"ring-1\"\npercent = 10\nmin_tenants = 3\n[[ring]]\nname = \"latest\"\npercent = 100\n",
            );
            let tenants = |end: u32| (4..end).map(|i| format!("tenant-{i}\n")).collect::<String>();
            fs::write(fixture.path("tenants.txt"), tenants(24)).unwrap();
            fs::write(fixture.path("few.txt"), tenants(6)).unwrap();
            let old = fs::read_to_string(fixture.path("coalmine.toml")).unwrap();
            fs::write(fixture.path("old.toml"), old.replace("percent = 10\n", "percent = 5\n")).unwrap();
        }
        // The configuration has a typing mistake.
        "mistyped" => {
            fixture.configure("\n[release]\nimagess = []\n");
        }
        // The example suite, and the same with a typing mistake.
        "suite" => {
            let suite = fs::read_to_string(root().join("docs/examples/smoke-tenant.toml")).unwrap();
            fs::write(fixture.path("smoke.toml"), &suite).unwrap();
            let mistyped = suite.replace("json.\"$.subsystems\"", "jsn.\"$.subsystems\"");
            fs::write(fixture.path("mistyped.toml"), mistyped).unwrap();
        }
        // The example of a soak with five gates.
        "soak" => {
            let gates =
                fs::read_to_string(root().join("docs/examples/soak/operator-readiness.toml")).unwrap();
            fs::write(fixture.path("soak.toml"), gates).unwrap();
        }
        other => panic!("there is no scenario `{other}`"),
    }
    fixture
}

fn build(fixture: &Fixture) {
    for (image, name) in release(OLD).iter().zip(["platform", "platform-tenant"]) {
        image.write_layout(&fixture.path("out").join(name), None).unwrap();
    }
}

fn published(fixture: &Fixture, sha: &str) {
    fixture.publish(sha).code(0);
}

fn promote(fixture: &Fixture, sha: &str) {
    Program::new("promote-latest", fixture.folder.path()).arg(sha).run().code(0);
}

fn both(fixture: &Fixture) {
    published(fixture, OLD);
    published(fixture, NEW);
    promote(fixture, OLD);
}

fn promoted(fixture: &Fixture) {
    both(fixture);
    promote(fixture, NEW);
}

#[test]
fn every_runnable_example_prints_what_it_says() {
    let (mut played, mut wrong) = (Vec::new(), Vec::new());
    for page in pages() {
        for example in examples(&page) {
            wrong.extend(example.play().err());
            played.push(example.place);
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for (tool, _) in PROGRAMS {
        assert!(played.iter().any(|place| place.contains(tool)), "the page of {tool} has no example");
    }
    assert!(played.iter().any(|place| place.starts_with("README.md")), "the README has no example");
}

#[test]
fn the_wildcards_of_examples_match_no_more_than_they_say() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    for (expected, found, fit) in [
        ("a [..] c", "a b c", true),
        ("a [..] c", "a b d", false),
        ("a\n...\nc", "a\nb\nb\nc", true),
        ("a\n...\nc", "a\nb", false),
        ("a", "a\nb", false),
        ("", "", true),
    ] {
        assert_eq!(matches(&lines(expected), &found.lines().collect::<Vec<_>>()), fit, "{expected}");
    }
}

#[test]
fn the_table_of_exit_codes_is_that_of_the_code() {
    let page = fs::read_to_string(root().join("docs/exit-codes.md")).unwrap();
    let rows: Vec<(String, String)> = page
        .lines()
        .filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit())
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            (cells[1].to_owned(), cells[2].to_owned())
        })
        .collect();
    let codes = Exit::ALL.map(|exit| (exit.code().to_string(), exit.meaning().to_owned()));
    assert_eq!(rows, codes);
}

#[test]
fn every_option_in_help_stands_on_the_page_of_its_tool() {
    let folder = tempfile::tempdir().unwrap();
    for (tool, _) in PROGRAMS {
        let (help, page) =
            (Program::new(tool, folder.path()).arg("--help").run().code(0).stdout, page_of(tool));
        let words = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
        let options: Vec<&str> = words
            .flat_map(|line| line.split([' ', ',', '.', '=', '[']))
            .filter(|word| word.starts_with("--") && word.len() > 2)
            .collect();
        assert!(options.len() > 10, "{tool}: {options:?}");
        for option in options {
            assert!(page.contains(&format!("`{option}")), "docs/tools/{tool}.md does not mention {option}");
        }
    }
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            if file.contains("://") {
                continue;
            }
            let there = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(there.exists(), "{} links to `{target}`, which is not there", page.display());
            if !anchor.is_empty() {
                let headings = headings(&fs::read_to_string(&there).unwrap());
                let found = headings.contains(&anchor.to_owned());
                assert!(found, "{} links to `{target}`; the headings are {headings:?}", page.display());
            }
        }
    }
}

/// The anchors that GitHub gives to headings.
fn headings(page: &str) -> Vec<String> {
    let heading = |line: &str| {
        let text = line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?.to_lowercase();
        let kept = text.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        Some(kept.collect::<String>().replace(' ', "-"))
    };
    page.lines().filter_map(heading).collect()
}

/// A message that nobody can get any more helps nobody who looks for one.
#[test]
fn every_message_of_the_troubleshooting_page_is_in_the_sources() {
    fn sources(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder).expect("a folder of sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                sources(&path, text);
            } else {
                text.push_str(&fs::read_to_string(path).expect("a source is UTF-8"));
            }
        }
    }
    let mut code = String::new();
    sources(&root().join("src"), &mut code);
    sources(&root().join(".github"), &mut code);
    let code = code.replace('`', "");
    let page = fs::read_to_string(root().join("docs/troubleshooting.md")).unwrap();
    let cells = page.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let messages = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let (mut looked, mut gone) = (0, Vec::new());
    for message in messages {
        // What a message says of one case is put in by the code, and the words around it stand in the code.
        let words = ["[..]", "expected ", "found ", "latest", "staging-", "smoke", " at ", ", "];
        let parts = words
            .iter()
            .fold(vec![message], |parts, word| parts.into_iter().flat_map(|part| part.split(word)).collect());
        for part in parts.into_iter().map(str::trim).filter(|part| part.len() > 8) {
            looked += 1;
            if !code.contains(part) {
                gone.push(format!("`{part}` of `{message}`"));
            }
        }
    }
    assert!(looked > 50, "{looked}");
    assert!(gone.is_empty(), "no source says\n{}", gone.join("\n"));
}
