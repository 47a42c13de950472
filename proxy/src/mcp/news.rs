//! What a server of the legacy era tells on a line that requests without sessions share, and which
//! subscriptions want it. It hears no stream and asks for nothing.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as Turn, mpsc, watch};

use crate::json;

use super::envelope::Message;

/// How many messages may wait for one subscription. What is beyond is lost, which is logged.
const BACKLOG_MAX: usize = 256;

/// How many resources one subscription may be to at one server. Each is a call of its own there.
const RESOURCES_MAX: usize = 256;

/// What a subscription asks for as a list's changes, the notification of it, and the capability
/// without which there is none.
const LISTS: [(&str, &str, &str); 3] = [
    ("toolsListChanged", "notifications/tools/list_changed", "tools"),
    ("promptsListChanged", "notifications/prompts/list_changed", "prompts"),
    ("resourcesListChanged", "notifications/resources/list_changed", "resources"),
];

/// What one subscription wants of one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wants {
    lists: Vec<&'static str>,
    /// Resources, by the server's own addresses.
    pub(crate) resources: Vec<String>,
}

/// The news of one line.
pub(crate) struct News {
    ears: Mutex<Ears>,
    /// How many there are.
    count: watch::Sender<usize>,
    stream: watch::Sender<Stream>,
    /// Taken by who begins or ends a subscription to resources, so that of two to the same one
    /// neither is ended with the other.
    pub(crate) turn: Turn<()>,
}

/// Whether what the server says is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    /// Nobody hears it.
    Closed,
    /// Its stream is asked for.
    Opening,
    /// It is, or there is nothing to hear.
    Open,
}

/// There is one for each subscription of an agent, so the bound on connections bounds them.
#[derive(Default)]
struct Ears {
    open: Vec<Ear>,
    next: u64,
    /// Whether the server has had a stream for them once.
    had_stream: bool,
    /// Whether the line can tell nothing more.
    ended: bool,
}

struct Ear {
    number: u64,
    wants: Wants,
    told: mpsc::Sender<String>,
}

/// One subscription; dropping it ends it.
pub(crate) struct Listening {
    news: Arc<News>,
    number: u64,
    told: mpsc::Receiver<String>,
}

impl Wants {
    /// What a subscription wants of a server that can do this much.
    pub(crate) fn of(subscription: &Message<'_>, capabilities: &str) -> Self {
        let can = |what: &str, how: &str| {
            json::find(capabilities, &[what, how]).is_some_and(|can| can.text == "true")
        };
        let asked = |what: &str| subscription.value(&["params", "notifications", what]);
        let lists = LISTS
            .into_iter()
            .filter(|(name, _, of)| asked(name) == Some("true") && can(of, "listChanged"));
        let resources = asked("resourceSubscriptions").filter(|_| can("resources", "subscribe"));
        let mut resources: Vec<String> = resources
            .into_iter()
            .flat_map(json::elements)
            .filter_map(|uri| Some(json::string(uri.text)?.into_owned()))
            .collect();
        if resources.len() > RESOURCES_MAX {
            tracing::warn!("a subscription to more than {RESOURCES_MAX} resources was cut");
            resources.truncate(RESOURCES_MAX);
        }
        Self { lists: lists.map(|(_, method, _)| method).collect(), resources }
    }

    /// Whether it wants nothing.
    pub(crate) fn are_none(&self) -> bool {
        self.lists.is_empty() && self.resources.is_empty()
    }

    fn take(&self, message: &Message<'_>) -> bool {
        if message.method() != "notifications/resources/updated" {
            return self.lists.contains(&message.method());
        }
        let uri = message.string(&["params", "uri"]).unwrap_or_default();
        self.resources.iter().any(|of| is_part(&uri, of))
    }
}

/// Whether an address is that of a resource, or of a part of it: the legacy era may tell of either.
fn is_part(uri: &str, of: &str) -> bool {
    uri.strip_prefix(of).is_some_and(|rest| {
        rest.is_empty() || of.ends_with('/') || rest.starts_with(['/', '?', '#'])
    })
}

impl News {
    pub(crate) fn new() -> Self {
        Self {
            ears: Mutex::default(),
            count: watch::Sender::new(0),
            stream: watch::Sender::new(Stream::Closed),
            turn: Turn::new(()),
        }
    }

    /// Begins a subscription; also says whether its caller is to see to it that the server is
    /// heard.
    pub(crate) fn listen(self: &Arc<Self>, wants: Wants) -> (Listening, bool) {
        let (sender, told) = mpsc::channel(BACKLOG_MAX);
        let mut ears = self.ears();
        let number = ears.next;
        ears.next += 1;
        if ears.ended {
            return (Listening { news: Arc::clone(self), number, told }, false);
        }
        ears.open.push(Ear { number, wants, told: sender });
        self.count.send_replace(ears.open.len());
        let closed = *self.stream.borrow() == Stream::Closed;
        if closed {
            self.stream.send_replace(Stream::Opening);
        }
        (Listening { news: Arc::clone(self), number, told }, closed)
    }

    /// Takes note that the server has a stream and is heard on it.
    pub(crate) fn has_stream(&self) {
        self.ears().had_stream = true;
        self.heard();
    }

    /// Whether it has had one.
    pub(crate) fn had_stream(&self) -> bool {
        self.ears().had_stream
    }

    /// Takes note that the server is heard now, or never will be.
    pub(crate) fn heard(&self) {
        self.stream.send_replace(Stream::Open);
    }

    /// Returns when the server is heard.
    pub(crate) async fn ready(&self) {
        drop(self.stream.subscribe().wait_for(|stream| *stream == Stream::Open).await);
    }

    /// Returns when there is no subscription.
    pub(crate) async fn unwanted(&self) {
        drop(self.count.subscribe().wait_for(|count| *count == 0).await);
    }

    /// Takes note that nobody hears the server any more; false if somebody wants that again.
    pub(crate) fn close(&self) -> bool {
        let ears = self.ears();
        if ears.open.is_empty() {
            self.stream.send_replace(Stream::Closed);
        }
        ears.open.is_empty()
    }

    /// Ends all subscriptions, and each that still comes, because the line can tell nothing more.
    pub(crate) fn end(&self) {
        let mut ears = self.ears();
        ears.ended = true;
        ears.open.clear();
        self.count.send_replace(0);
    }

    /// Tells whoever wants it; false if that is nobody.
    pub(crate) fn tell(&self, message: &Message<'_>) -> bool {
        let ears = self.ears();
        let mut wanted = false;
        for ear in ears.open.iter().filter(|ear| ear.wants.take(message)) {
            wanted = true;
            if ear.told.try_send(message.text.to_owned()).is_err() {
                tracing::warn!(
                    method = message.method(),
                    "a message for an agent that is too slow was lost"
                );
            }
        }
        wanted
    }

    /// Whether a subscription is to this resource.
    pub(crate) fn want(&self, uri: &str) -> bool {
        self.ears().open.iter().any(|ear| ear.wants.resources.iter().any(|own| own == uri))
    }

    fn ears(&self) -> MutexGuard<'_, Ears> {
        self.ears.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listening {
    /// The next message; `None` when the line can tell nothing more.
    pub(crate) async fn next(&mut self) -> Option<String> {
        self.told.recv().await
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut ears = self.news.ears();
        ears.open.retain(|ear| ear.number != self.number);
        self.news.count.send_replace(ears.open.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Limits;

    fn read(text: &str) -> Message<'_> {
        Message::read(text.as_bytes(), Limits::default()).unwrap()
    }

    fn told(method: &str, uri: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"uri":"{uri}"}}}}"#)
    }

    const ALL: &str = concat!(
        r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":"#,
        r#"{"toolsListChanged":true,"promptsListChanged":false,"resourcesListChanged":true,"#,
        r#""resourceSubscriptions":["a:b"]}}}"#,
    );

    #[test]
    fn a_subscription_gets_what_it_asked_for_and_its_server_can_do() {
        let able = r#"{"tools":{"listChanged":true},"prompts":{"listChanged":true},
            "resources":{"subscribe":true}}"#;
        let wants = Wants::of(&read(ALL), able);
        for (method, uri, taken) in [
            ("notifications/tools/list_changed", "", true),
            ("notifications/prompts/list_changed", "", false),
            ("notifications/resources/list_changed", "", false),
            ("notifications/message", "", false),
            ("notifications/resources/updated", "a:b", true),
            ("notifications/resources/updated", "a:b/c", true),
            ("notifications/resources/updated", "a:bc", false),
        ] {
            assert_eq!(wants.take(&read(&told(method, uri))), taken, "{method} {uri}");
        }
        assert!(Wants::of(&read(ALL), r#"{"tools":{}}"#).are_none());
    }

    #[tokio::test]
    async fn one_hears_for_all_and_stops_when_nobody_is_left() {
        let news = Arc::new(News::new());
        let wants = || Wants::of(&read(ALL), r#"{"tools":{"listChanged":true}}"#);
        let (mut first, opens) = news.listen(wants());
        let (second, opens_too) = news.listen(wants());
        assert!(opens && !opens_too);
        news.heard();
        news.ready().await;
        let text = told("notifications/tools/list_changed", "");
        assert!(news.tell(&read(&text)));
        assert_eq!(first.next().await, Some(text));
        drop(second);
        assert!(!news.close(), "one is left");
        drop(first);
        news.unwanted().await;
        assert!(news.close());
        let (mut again, opens) = news.listen(wants());
        assert!(opens, "and it begins again");
        news.end();
        assert_eq!(again.next().await, None);
        assert_eq!(news.listen(wants()).0.next().await, None, "who comes too late is told");
    }
}
