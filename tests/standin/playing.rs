//! Agents that play against the stand-ins get what was recorded, in every mode.

use std::sync::Arc;

use proxy::standin::{
    airline,
    player::{Era, Options, Played, Player, play_all},
    provider,
    recording::Recordings,
    server::Handle,
};
use tests::recordings::recordings;

use crate::client::ANYWHERE;

struct Stage {
    recordings: Arc<Recordings>,
    provider: Handle,
    airline: Handle,
}

impl Stage {
    async fn set(recordings: Recordings, sse: bool) -> Self {
        let recordings = Arc::new(recordings);
        let key = Some("sk-upstream".to_owned());
        let options = provider::Options { key: key.clone(), ..provider::Options::default() };
        let provider = provider::start(ANYWHERE, Arc::clone(&recordings), options).await.unwrap();
        let options = airline::Options { key, sse, ..airline::Options::default() };
        let airline = airline::start(ANYWHERE, Arc::clone(&recordings), options).await.unwrap();
        Self { recordings, provider, airline }
    }

    fn player(&self, era: Era, stream: bool) -> Player {
        let options = Options {
            model_url: format!("http://{}/v1", self.provider.addr()),
            tools_url: format!("http://{}{}", self.airline.addr(), airline::PATH),
            key: Some("sk-upstream".into()),
            era,
            stream,
        };
        Player::new(Arc::clone(&self.recordings), options)
    }

    /// Every session was played to its end, and each request is accounted for.
    async fn assert_complete(self, played: &Played) {
        assert_eq!((played.failed, &played.first_failure), (0, &None));
        assert_eq!(played.sessions, self.recordings.sessions().len());
        assert_eq!(played.mismatches, 0);
        assert_eq!(self.provider.requests(), played.model_requests as u64);
        assert_eq!(self.airline.requests(), played.tool_requests as u64);
        self.provider.shutdown().await;
        self.airline.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_agent_plays_every_session_and_gets_every_answer_and_result_as_recorded() {
    let stage = Stage::set(recordings().unwrap(), false).await;
    let count = stage.recordings.sessions().len();
    let played = play_all(vec![stage.player(Era::Legacy, false)], 0..count).await;
    println!(
        "{} sessions, {} model requests, {} tool calls in {} requests, {} B sent, {} B received",
        played.sessions,
        played.model_requests,
        played.tool_calls,
        played.tool_requests,
        played.bytes_sent,
        played.bytes_received
    );
    assert_eq!(played.varied, 0, "one after the other, results come in the order of the recording");
    if count == 200 {
        assert_eq!((played.model_requests, played.tool_calls), (2454, 1164));
    }
    stage.assert_complete(&played).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_agents_of_both_eras_streaming_or_not_play_every_session_at_once() {
    let stage = Stage::set(recordings().unwrap(), true).await;
    let count = stage.recordings.sessions().len();
    let modes = [(Era::Legacy, true), (Era::Modern, false), (Era::Modern, true)];
    let players: Vec<_> =
        modes.into_iter().cycle().take(9).map(|(era, stream)| stage.player(era, stream)).collect();
    let played = play_all(players, 0..count).await;
    stage.assert_complete(&played).await;
}

#[tokio::test]
async fn the_same_play_moves_the_same_bytes() {
    let stage = Stage::set(Recordings::embedded().unwrap(), false).await;
    let session = &stage.recordings.sessions()[0];
    let player = stage.player(Era::Modern, true);
    let (once, again) = (player.play(session).await, player.play(session).await);
    assert!(once.bytes_sent > 10_000, "{once:?}");
    assert_eq!(once.bytes_sent, again.bytes_sent);
    assert_eq!(once.bytes_received, again.bytes_received);
}

#[tokio::test]
async fn an_agent_with_a_wrong_key_fails_and_says_why() {
    let stage = Stage::set(Recordings::embedded().unwrap(), false).await;
    let options = Options {
        model_url: format!("http://{}/v1", stage.provider.addr()),
        tools_url: format!("http://{}{}", stage.airline.addr(), airline::PATH),
        key: Some("sk-of-somebody-else".into()),
        era: Era::Legacy,
        stream: false,
    };
    let stranger = Player::new(Arc::clone(&stage.recordings), options);
    let played = play_all(vec![stranger], 0..1).await;
    assert_eq!((played.sessions, played.failed), (0, 1));
    let failure = played.first_failure.unwrap();
    assert!(failure.contains("status 401"), "{failure}");
}
