//! `WWW-Authenticate`: whatever a registry says, credentials go to a realm over TLS, or, where plain HTTP was asked
//! for, to the registry's own host or this machine. A refusal is one harmless line.
#![no_main]

use coalmine::io::registry::challenge::{Challenge, read};
use coalmine::model::repository::Registry;
use coalmine_fuzz::one_line;
use libfuzzer_sys::fuzz_target;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

const REGISTRIES: [&str; 4] = ["ghcr.io", "localhost:5000", "registry.test:5000", "[::1]:5000"];

fuzz_target!(|data: &[u8]| {
    let Some((&first, values)) = data.split_first() else { return };
    let registry: Registry = REGISTRIES[usize::from(first) % 4].parse().expect("a registry");
    let plain = first & 4 != 0;
    let mut headers = HeaderMap::new();
    for value in values.split(|&b| b == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(value) else { continue };
        headers.append(WWW_AUTHENTICATE, value);
    }
    let found = read(&headers, &registry, plain);
    assert_eq!(found, read(&headers, &registry, plain));
    match found {
        Ok(Challenge::Basic) => {}
        Ok(Challenge::Bearer { realm, .. }) => {
            let host = realm.host_str().expect("a host").trim_matches(['[', ']']);
            let loopback = host == "localhost"
                || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
            let near = host == registry.host() || loopback;
            assert!(realm.scheme() == "https" || plain && near && realm.scheme() == "http", "{realm}");
        }
        Err(why) => one_line(&why),
    }
});
