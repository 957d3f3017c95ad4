//! The embedded registry keeps bytes, and is strict where real registries are.

use coalmine_sandbox::{Image, Setup, sha256};
use serde_json::{Value, json};

use crate::{Fixture, NEW, REPO};

#[tokio::test]
async fn a_manifest_comes_back_byte_for_byte_with_its_digest() {
    let fixture = Fixture::new();
    let odd = Image::of(NEW).platform("linux/amd64").platform("linux/arm64").odd_whitespace().build();
    fixture.registry.push(REPO, "odd", &odd).unwrap();
    let answer = fixture.get("odd").await.unwrap();
    assert_eq!(crate::digest(&answer), odd.digest());
    assert_eq!(&answer.bytes().await.unwrap(), odd.manifest());
    assert_eq!(odd.digest(), sha256(odd.manifest()));
}

#[tokio::test]
async fn a_blob_of_another_repository_is_not_there_until_mounted() {
    let fixture = Fixture::new();
    let layer = &fixture.old.blobs()[0].digest;
    fixture.registry.put_blob("other", "something else").unwrap();
    let there = fixture.url(&format!("/v2/other/blobs/{layer}"));
    assert_eq!(fixture.client.head(&there).send().await.unwrap().status(), 404);
    let mount = fixture.url(&format!("/v2/other/blobs/uploads/?mount={layer}&from={REPO}"));
    assert_eq!(fixture.client.post(mount).send().await.unwrap().status(), 201);
    assert_eq!(fixture.client.head(&there).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_registry_that_does_not_mount_opens_an_upload_instead() {
    let fixture = Fixture::with(Setup { mount: false, ..Setup::default() });
    let layer = &fixture.old.blobs()[0].digest;
    let mount = fixture.url(&format!("/v2/other/blobs/uploads/?mount={layer}&from={REPO}"));
    let answer = fixture.client.post(mount).send().await.unwrap();
    assert_eq!(answer.status(), 202);
    assert!(answer.headers().contains_key("location"));
}

#[tokio::test]
async fn a_blob_whose_digest_lies_is_refused() {
    let fixture = Fixture::new();
    let opened = fixture.client.post(fixture.url("/v2/team/app/blobs/uploads/")).send().await.unwrap();
    let location = opened.headers()["location"].to_str().unwrap();
    let lie = sha256(b"something else");
    let close = fixture.url(&format!("{location}&digest={lie}"));
    let answer = fixture.client.put(close).body("content").send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let blob = fixture.url(&format!("/v2/team/app/blobs/{lie}"));
    assert_eq!(fixture.client.head(blob).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_blob_sent_in_chunks_is_whole_and_a_gap_is_refused() {
    let fixture = Fixture::new();
    let opened = fixture.client.post(fixture.url("/v2/team/app/blobs/uploads/")).send().await.unwrap();
    let location = fixture.url(opened.headers()["location"].to_str().unwrap());
    let chunk = |range: &'static str, body: &'static str| {
        fixture.client.patch(&location).header("content-range", range).body(body).send()
    };
    assert_eq!(chunk("0-3", "one ").await.unwrap().status(), 202);
    assert_eq!(chunk("9-12", "gap!").await.unwrap().status(), 416);
    assert_eq!(chunk("4-6", "two").await.unwrap().status(), 202);
    let digest = sha256(b"one two");
    let close = fixture.client.put(format!("{location}&digest={digest}")).send().await.unwrap();
    assert_eq!(close.status(), 201);
    assert_eq!(fixture.registry.blob(REPO, &digest).unwrap(), "one two");
}

#[tokio::test]
async fn a_manifest_that_names_an_absent_child_is_refused_unless_dangling_is_allowed() {
    for (dangling, status) in [(false, 400), (true, 201)] {
        let fixture = Fixture::with(Setup { dangling, ..Setup::default() });
        let index = Image::index(NEW, "never pushed", &["linux/amd64", "linux/arm64"]);
        assert_eq!(fixture.put("latest", &index).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_client_that_does_not_accept_the_type_sees_404() {
    let fixture = Fixture::new();
    let url = fixture.url(&format!("/v2/{REPO}/manifests/latest"));
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let answer = fixture.client.get(url).header("accept", docker).send().await.unwrap();
    assert_eq!(answer.status(), 404);
}

#[tokio::test]
async fn deleting_a_tag_leaves_the_manifest_and_the_next_put_brings_it_back() {
    let fixture = Fixture::new();
    assert_eq!(fixture.manifest(reqwest::Method::DELETE, "latest").await.unwrap().status(), 202);
    assert_eq!(fixture.head("latest").await.unwrap().status(), 404);
    assert_eq!(fixture.head(fixture.old.digest()).await.unwrap().status(), 200);
    assert_eq!(fixture.registry.tags(REPO), ["staging-new"]);
    assert_eq!(fixture.put("latest", &fixture.new).await.unwrap().status(), 201);
    assert_eq!(fixture.head("latest").await.unwrap().status(), 200);
}

#[tokio::test]
async fn without_tag_delete_a_tag_is_refused_with_405() {
    let fixture = Fixture::with(Setup { tag_delete: false, ..Setup::default() });
    assert_eq!(fixture.manifest(reqwest::Method::DELETE, "latest").await.unwrap().status(), 405);
    assert_eq!(fixture.head("latest").await.unwrap().status(), 200);
}

#[tokio::test]
async fn tags_are_paged_by_a_link_that_must_be_followed() {
    let fixture = Fixture::with(Setup { tags_per_page: Some(1), ..Setup::default() });
    let answer = fixture.client.get(fixture.url("/v2/team/app/tags/list")).send().await.unwrap();
    let link = answer.headers()["link"].to_str().unwrap().to_owned();
    assert_eq!(answer.json::<Value>().await.unwrap()["tags"], json!(["latest"]));
    let next = link.trim_start_matches('<').split('>').next().unwrap();
    let answer = fixture.client.get(fixture.url(next)).send().await.unwrap();
    assert!(!answer.headers().contains_key("link"));
    assert_eq!(answer.json::<Value>().await.unwrap()["tags"], json!(["staging-new"]));
    assert_eq!(fixture.registry.tags(REPO), ["latest", "staging-new"]);
}

#[tokio::test]
async fn referrers_are_listed_by_subject_and_type_or_not_at_all() {
    for referrers in [true, false] {
        let fixture = Fixture::with(Setup { referrers, ..Setup::default() });
        let empty = fixture.registry.put_blob(REPO, "{}").unwrap();
        let media_type = "application/vnd.oci.image.manifest.v1+json";
        let artifact = json!({
            "schemaVersion": 2,
            "mediaType": media_type,
            "artifactType": "application/vnd.example",
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2},
            "layers": [],
            "subject": {"mediaType": media_type, "digest": fixture.old.digest(), "size": 1},
        })
        .to_string();
        let digest = sha256(artifact.as_bytes());
        let put = fixture.client.put(fixture.url(&format!("/v2/{REPO}/manifests/{digest}")));
        let put = put.header("content-type", media_type).body(artifact).send().await.unwrap();
        assert_eq!(put.status(), 201);
        assert_eq!(put.headers().contains_key("oci-subject"), referrers);
        let list = format!("/v2/{REPO}/referrers/{}?artifactType=application/vnd.", fixture.old.digest());
        let list = |suffix: &str| fixture.client.get(fixture.url(&format!("{list}{suffix}"))).send();
        let found = list("example").await.unwrap();
        if !referrers {
            assert_eq!(found.status(), 404);
            continue;
        }
        assert_eq!(found.json::<Value>().await.unwrap()["manifests"][0]["digest"], digest);
        assert_eq!(list("other").await.unwrap().json::<Value>().await.unwrap()["manifests"], json!([]));
    }
}

#[tokio::test]
async fn if_match_counts_only_where_it_is_set_up() {
    for (if_match, status) in [(false, 201), (true, 412)] {
        let fixture = Fixture::with(Setup { if_match, ..Setup::default() });
        let url = fixture.url(&format!("/v2/{REPO}/manifests/latest"));
        let put = fixture.client.put(url).header("if-match", format!("\"{}\"", fixture.new.digest()));
        let put = put.header("content-type", fixture.new.media_type()).body(fixture.new.manifest().clone());
        assert_eq!(put.send().await.unwrap().status(), status);
    }
}
