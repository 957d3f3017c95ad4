//! One JSON document to an address that the environment names, such as the webhook of a chat.

use std::time::Duration;

use reqwest::Url;
use serde_json::Value;

use super::connection;
use super::context::Context;
use super::proxy::{Proxies, is_this_machine};
use crate::base::text;

/// Nobody waits longer for a notice.
const PATIENCE: Duration = Duration::from_secs(15);

/// Posts `document` to the address in the variable `name`.
///
/// # Errors
/// In words: no address, no https, no answer, or another status than 2xx. The address is in none of them: it may be a
/// secret.
pub async fn post(context: &Context, name: &str, document: &Value) -> Result<(), String> {
    let address = context.env.secret(name).ok_or_else(|| format!("{name} is not set"))?;
    context.console.secrets.learn(&address);
    let url = Url::parse(address.expose()).map_err(|_| format!("{name} is not a URL"))?;
    if url.scheme() != "https" && !is_this_machine(&url) {
        return Err(format!("{name} is not https"));
    }
    let http = Proxies::of(&context.env).lead(connection::client()).timeout(PATIENCE);
    let http = http.build().map_err(|error| error.to_string())?;
    let request = http.post(url).header("content-type", "application/json").body(document.to_string());
    let answer = request.send().await.map_err(|error| text::escape(&error.without_url().to_string(), 200))?;
    if answer.status().is_success() { Ok(()) } else { Err(format!("status {}", answer.status())) }
}
