//! The sources of one soak file, set up from the environment, and every kind of question to them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::answer::{Answer, Failure};
use super::http::{Authorization, Http};
use super::prometheus::{Prometheus, Selector};
use super::{command, json, junit, postgres};
use crate::base::secret::Secret;
use crate::base::text;
use crate::io::context::Context;
use crate::model::measurement::Counts;
use crate::model::soak::Interval;
use crate::policy::smoke::suite::template::{Encoding, JsonTemplate, Template, Unfit, Variables};
use crate::policy::soak::suite::{Ask, Endpoint, Place, Query, Soak, SourceAuth, SourceKind, Take, Which};

/// The sources of a soak, as one tick uses them: an HTTP source is set up, and its token asked for, once.
pub struct Sources<'w> {
    context: &'w Context,
    ready: BTreeMap<String, Ready>,
}

struct Ready {
    timeout: Duration,
    kind: Kind,
}

enum Kind {
    Postgres { dsn: Secret },
    Prometheus(Service),
    HttpJson(Service),
    Junit { file: PathBuf },
    Command,
}

struct Service {
    url: String,
    auth: Auth,
    http: OnceCell<Http>,
}

enum Auth {
    Known(Authorization),
    Command(Vec<String>),
}

/// What is asked about.
#[derive(Clone, Debug)]
pub struct Question {
    interval: Interval,
    canary: String,
    stable: String,
    variables: Variables,
}

impl Question {
    /// About `interval`, for the release `canary` beside `stable` (empty if there is none).
    pub fn new(interval: Interval, canary: &str, stable: &str) -> Self {
        let (start, end) = (interval.start, interval.end);
        let window = end.as_second().saturating_sub(start.as_second()).max(1);
        let time = |at: Timestamp| format!("{at:.3}");
        let variables = [
            ("start", time(start)),
            ("end", time(end)),
            ("start_unix", start.as_second().to_string()),
            ("end_unix", end.as_second().to_string()),
            ("window", format!("{window}s")),
            ("sha", canary.to_owned()),
            ("canary", canary.to_owned()),
            ("stable", stable.to_owned()),
        ];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value)));
        Self {
            interval,
            canary: canary.to_owned(),
            stable: stable.to_owned(),
            variables: variables.collect(),
        }
    }

    fn parameters(&self) -> postgres::Parameters<'_> {
        let Interval { start, end } = self.interval;
        postgres::Parameters { start, end, canary: &self.canary, stable: &self.stable }
    }

    fn text(&self, template: &Template, encoding: Encoding) -> Result<String, Failure> {
        template.render(&self.variables, encoding).map_err(unfit)
    }

    fn body(&self, body: &JsonTemplate) -> Result<Value, Failure> {
        body.render(&self.variables).map_err(unfit)
    }
}

fn unfit(why: Unfit) -> Failure {
    Failure::of("fill in the placeholders of a query", why)
}

impl<'w> Sources<'w> {
    /// Sets up every source of `soak`; files are below `folder`. Nothing is asked yet.
    ///
    /// # Errors
    /// Every variable that is named and not set.
    pub fn new(context: &'w Context, soak: &Soak, folder: &Path) -> Result<Self, Vec<String>> {
        let mut ready = BTreeMap::new();
        let mut missing = Vec::new();
        for (name, source) in &soak.sources {
            let kind = match &source.kind {
                SourceKind::Postgres { dsn_env } => secret(context, dsn_env).map(|dsn| {
                    postgres::password(&dsn)
                        .iter()
                        .for_each(|password| context.console.secrets.learn(password));
                    Kind::Postgres { dsn }
                }),
                SourceKind::Prometheus(endpoint) => service(context, endpoint).map(Kind::Prometheus),
                SourceKind::HttpJson(endpoint) => service(context, endpoint).map(Kind::HttpJson),
                SourceKind::Junit { file } => Ok(Kind::Junit { file: folder.join(file) }),
                SourceKind::Command => Ok(Kind::Command),
            };
            match kind {
                Ok(kind) => {
                    ready.insert(name.clone(), Ready { timeout: source.timeout, kind });
                }
                Err(variable) => missing.push(format!("source `{name}`: {variable} is not set")),
            }
        }
        if missing.is_empty() { Ok(Self { context, ready }) } else { Err(missing) }
    }

    /// Asks one question. What went wrong is told without secrets.
    ///
    /// # Errors
    /// There is no answer, or it cannot be read.
    pub async fn ask(&self, ask: &Ask, question: &Question) -> Result<Answer, Failure> {
        self.answer(ask, question).await.map_err(|failure| self.clean(failure))
    }

    /// Up to 50 failing rows, where the question has a statement for them.
    ///
    /// # Errors
    /// The database does not answer, or refuses.
    pub async fn samples(&self, ask: &Ask, question: &Question) -> Result<Vec<Value>, Failure> {
        let Query::Sql { samples: Some(sql), .. } = &ask.query else { return Ok(Vec::new()) };
        let Some(Ready { timeout, kind: Kind::Postgres { dsn } }) = self.ready.get(&ask.source) else {
            return Ok(Vec::new());
        };
        let rows = postgres::samples(dsn, sql, question.parameters(), *timeout).await;
        rows.map_err(|failure| self.clean(failure))
    }

    /// The PostgreSQL sources whose role may write.
    ///
    /// # Errors
    /// One of them does not answer.
    pub async fn writable(&self) -> Result<Vec<&str>, Failure> {
        let mut writable = Vec::new();
        for (name, source) in &self.ready {
            if let Kind::Postgres { dsn } = &source.kind
                && postgres::may_write(dsn, source.timeout).await.map_err(|failure| self.clean(failure))?
            {
                writable.push(name.as_str());
            }
        }
        Ok(writable)
    }

    /// Whether a source that can be asked without knowing what is in it answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn alive(&self, name: &str) -> Result<(), Failure> {
        let now =
            Question::new(Interval { start: Timestamp::UNIX_EPOCH, end: crate::io::clock::now() }, "", "");
        let found = match self.ready.get(name) {
            Some(Ready { timeout, kind: Kind::Postgres { dsn } }) => {
                postgres::ask(dsn, "SELECT 1", now.parameters(), *timeout).await
            }
            Some(Ready { timeout, kind: Kind::Prometheus(service) }) => {
                match self.http(service, *timeout).await {
                    Ok(http) => {
                        Prometheus::new(http, now.interval.start, now.interval.end).number("vector(1)").await
                    }
                    Err(failure) => Err(failure),
                }
            }
            Some(Ready { kind: Kind::Junit { file }, .. }) => junit::ask(file, "*"),
            _ => Err(Failure::Failed("this source cannot be asked whether it is alive".to_owned())),
        };
        found.map(|_| ()).map_err(|failure| self.clean(failure))
    }

    /// The JSON that an `http-json` source answers to a GET.
    ///
    /// # Errors
    /// It does not answer, or not in JSON.
    pub async fn document(&self, name: &str, target: &str) -> Result<Value, Failure> {
        let Some(Ready { timeout, kind: Kind::HttpJson(service) }) = self.ready.get(name) else {
            return Err(Failure::Failed("this source answers no JSON".to_owned()));
        };
        let found = match self.http(service, *timeout).await {
            Ok(http) => http.get(target).await.map(|page| page.document),
            Err(failure) => Err(failure),
        };
        found.map_err(|failure| self.clean(failure))
    }

    async fn answer(&self, ask: &Ask, question: &Question) -> Result<Answer, Failure> {
        let unfit = || {
            let shown = text::escape(&ask.source, 100);
            Failure::Failed(format!("the source `{shown}` does not take such a question"))
        };
        let source = self.ready.get(&ask.source).ok_or_else(unfit)?;
        match (&source.kind, &ask.query) {
            (Kind::Postgres { dsn }, Query::Sql { sql, .. }) => {
                postgres::ask(dsn, sql, question.parameters(), source.timeout).await
            }
            (Kind::Junit { file }, Query::Junit { case }) => junit::ask(file, case),
            (Kind::Command, Query::Command { argv }) => {
                let word = |word: &Template| question.text(word, Encoding::Plain);
                let argv = argv.iter().map(word).collect::<Result<Vec<_>, _>>()?;
                command::ask(&argv, &[], source.timeout).await
            }
            (Kind::HttpJson(service), Query::Json { method, target, body, take }) => {
                let http = self.http(service, source.timeout).await?;
                ask_json(http, (method, target, body.as_ref()), take, question).await
            }
            (Kind::Prometheus(service), query) => {
                let http = self.http(service, source.timeout).await?;
                ask_prometheus(http, query, question).await.unwrap_or_else(|| Err(unfit()))
            }
            _ => Err(unfit()),
        }
    }

    async fn http<'s>(&self, service: &'s Service, timeout: Duration) -> Result<&'s Http, Failure> {
        service
            .http
            .get_or_try_init(async || {
                let authorization = match &service.auth {
                    Auth::Known(authorization) => authorization.clone(),
                    Auth::Command(argv) => {
                        let token = command::token(argv, timeout).await?;
                        self.context.console.secrets.learn(&token);
                        Authorization::Bearer(token)
                    }
                };
                Http::new(&service.url, &authorization, timeout)
            })
            .await
    }

    fn clean(&self, failure: Failure) -> Failure {
        let clean = |text: String| self.context.console.secrets.clean(&text);
        match failure {
            Failure::NoData(text) => Failure::NoData(clean(text)),
            Failure::Failed(text) => Failure::Failed(clean(text)),
            Failure::Dead(text) => Failure::Dead(clean(text)),
        }
    }
}

/// The value of `name`, which is kept out of all that is told; or the name, if it is not set.
fn secret(context: &Context, name: &str) -> Result<Secret, String> {
    let secret = context.env.secret(name).ok_or_else(|| name.to_owned())?;
    context.console.secrets.learn(&secret);
    Ok(secret)
}

fn service(context: &Context, endpoint: &Endpoint) -> Result<Service, String> {
    let url = match &endpoint.url {
        Place::Url(url) => url.clone(),
        Place::Env(name) => context.env.get(name).ok_or_else(|| name.clone())?.to_owned(),
    };
    let auth = match &endpoint.auth {
        SourceAuth::None => Auth::Known(Authorization::None),
        SourceAuth::TokenEnv(name) => Auth::Known(Authorization::Bearer(secret(context, name)?)),
        SourceAuth::BasicEnv(name) => Auth::Known(Authorization::Basic(secret(context, name)?)),
        SourceAuth::HeadersEnv(headers) => {
            let header = |(header, name): &(String, String)| Ok((header.clone(), secret(context, name)?));
            Auth::Known(Authorization::Headers(headers.iter().map(header).collect::<Result<_, String>>()?))
        }
        SourceAuth::TokenCommand(argv) => Auth::Command(argv.clone()),
    };
    Ok(Service { url, auth, http: OnceCell::new() })
}

async fn ask_json(
    http: &Http,
    (method, target, body): (&str, &Template, Option<&JsonTemplate>),
    take: &Take,
    question: &Question,
) -> Result<Answer, Failure> {
    let target = question.text(target, Encoding::Url)?;
    let body = body.map(|body| question.body(body)).transpose()?;
    let asked = match &body {
        Some(body) => json::Question::Post(&target, body),
        None if method == "POST" => json::Question::Post(&target, &Value::Null),
        None => json::Question::Get(&target),
    };
    let take = match take {
        Take::Value(path) | Take::Bad(path) => json::Take::Value(path),
        Take::Share { of: Which::Good, hits, total } => json::Take::Good(hits, total),
        Take::Share { of: Which::Bad, hits, total } => json::Take::Bad(hits, total),
    };
    json::ask(http, &asked, &take).await
}

/// `None`: it is no question to a Prometheus.
async fn ask_prometheus(http: &Http, query: &Query, question: &Question) -> Option<Result<Answer, Failure>> {
    let prometheus = Prometheus::new(http, question.interval.start, question.interval.end);
    Some(match query {
        Query::Counter { selector, which, arms: None } => {
            count(&prometheus, Selector { text: selector, and: "" }, which.as_ref()).await
        }
        Query::Counter { selector, which, arms: Some((canary, stable)) } => {
            arms(&prometheus, selector, which.as_ref(), (canary, stable)).await
        }
        Query::Histogram { selector, within } => {
            prometheus.histogram(Selector { text: selector, and: "" }, within.as_secs_f64()).await
        }
        Query::Promql(expression) => match question.text(expression, Encoding::Plain) {
            Ok(expression) => prometheus.number(&expression).await,
            Err(failure) => Err(failure),
        },
        Query::PromqlShare { of, hits, total } => {
            let plain = |template| question.text(template, Encoding::Plain);
            match (plain(hits), plain(total)) {
                (Ok(hits), Ok(total)) => {
                    prometheus.share(&hits, &total).await.and_then(|(hits, total)| share(*of, hits, total))
                }
                (Err(failure), _) | (_, Err(failure)) => Err(failure),
            }
        }
        Query::Sql { .. } | Query::Json { .. } | Query::Junit { .. } | Query::Command { .. } => return None,
    })
}

/// A counter alone is a number of events.
async fn count(
    prometheus: &Prometheus<'_>,
    selector: Selector<'_>,
    which: Option<&(Which, String)>,
) -> Result<Answer, Failure> {
    match which {
        None => Ok(Answer::Number(prometheus.counter(selector).await? as f64)),
        Some((of, hits)) => {
            let (hits, total) = prometheus.counter_share(selector, hits).await?;
            share(*of, hits, total)
        }
    }
}

/// Each side is asked alone; one without series has no samples.
async fn arms(
    prometheus: &Prometheus<'_>,
    selector: &str,
    which: Option<&(Which, String)>,
    (canary, stable): (&str, &str),
) -> Result<Answer, Failure> {
    let arm = async |and: &str| match count(prometheus, Selector { text: selector, and }, which).await {
        Ok(Answer::Counts(counts)) => Ok(counts),
        Ok(_) => Err(Failure::Failed("a comparison needs `good` or `bad`".to_owned())),
        Err(Failure::NoData(_)) => Ok(Counts::default()),
        Err(failure) => Err(failure),
    };
    Ok(Answer::Arms { canary: arm(canary).await?, stable: arm(stable).await? })
}

fn share(of: Which, hits: u64, total: u64) -> Result<Answer, Failure> {
    let counts = match of {
        Which::Good => Counts::of_good(hits, total),
        Which::Bad => Counts::of_bad(hits, total),
    };
    let more = || Failure::Failed(format!("the source counts {hits} hits among {total} samples"));
    counts.map(Answer::Counts).ok_or_else(more)
}
