//! `countersign demo`: the gateway with stand-in upstreams, and recorded agents that use it over
//! real HTTP; then the trace of one session, and the gateway goes on serving.

use super::foreground::{Signals, block_on};
use super::serve::{announce, until_stopped};
use super::{CommandError, telemetry, trace};
use crate::config::{Config, Found, Loaded, Secret, SecretRef};
use crate::gateway::Gateway;
use crate::standin::player::{Era, Options, Played, Player, play_all};
use crate::standin::recording::{Message, Recordings};
use crate::standin::server::Handle;
use crate::standin::{airline, provider};
use approvals::HoldFilter;
use ledger::sealer::LostLock;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinHandle;

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the demo's ledger is kept.
    #[arg(long, value_name = "DIR", default_value = "demo-data")]
    data: PathBuf,
    /// A file of recorded sessions to play, instead of the twelve in this program.
    #[arg(long, value_name = "FILE")]
    recordings: Option<PathBuf>,
    /// Where agents connect.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    agents: SocketAddr,
    /// Where people connect.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    people: SocketAddr,
    /// End after the trace instead of serving on.
    #[arg(long)]
    once: bool,
}

/// The agents of the demo: name, team, the person they act for, how they speak. The last one makes
/// the call that waits for the visitor.
const CAST: [(&str, &str, &str, Era, bool); 4] = [
    ("support-bot", "support", "ada@example.com", Era::Legacy, false),
    ("booking-bot", "sales", "grace@example.com", Era::Modern, true),
    ("refund-bot", "finance", "edsger@example.com", Era::Modern, false),
    ("night-bot", "support", "katherine@example.com", Era::Modern, false),
];

/// What is asked of policies in the demo; the visitor may change it while it runs.
const POLICY: &str = include_str!("../../demo/policy.cedar");

/// The tool that the demo's policy has people decide on.
const HELD_TOOL: &str = "cancel_reservation";

/// The keys that the stand-ins want, which the agents never see.
const UPSTREAM_KEY: &str = "stand-in-upstream-key";

/// Plays the sessions, shows one, and serves until a signal comes.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    telemetry::start();
    let recordings = match &args.recordings {
        Some(path) => Recordings::from_file(path),
        None => Recordings::embedded(),
    };
    let recordings = recordings.map_err(|error| CommandError::Io(error.to_string()))?;
    block_on(play(args, Arc::new(recordings), out))
}

async fn play(
    args: &Args,
    recordings: Arc<Recordings>,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let (model, tools) = upstreams(&recordings).await?;
    let keys = keys()?;
    let policy = policy(&args.data)?;
    let gateway =
        Gateway::start(configuration(args, &keys, &policy, [&model, &tools])?, LostLock::Refuse)
            .await?;
    writeln!(out, "Countersign demo: everything runs in this process, on this machine.\n")?;
    announce(&gateway, &args.data, out)?;
    writeln!(out, "model    http://{} (stand-in for a model provider)", model.addr())?;
    writeln!(out, "tools    http://{} (stand-in for an airline's tool server)\n", tools.addr())?;
    let count = recordings.sessions().len();
    writeln!(out, "Three agents now work through {count} recorded conversations …")?;
    out.flush()?;

    let began = Instant::now();
    let mut players = players(&recordings, &gateway, &keys);
    players.pop();
    let played = play_all(players, 0..count).await;
    summary(&gateway, &played, began, out)?;

    writeln!(out, "The newest session, as the ledger has it:\n")?;
    tokio::task::block_in_place(|| trace::run(&trace::Args::latest(&args.data), out))?;
    further(args, &gateway, &keys, out)?;
    if args.once {
        gateway.stop("the demo was asked to end").await?;
    } else {
        let visiting = visit(&recordings, &gateway, &keys, (args, &policy), out).await?;
        writeln!(out, "\nServing on; Ctrl-C ends it.")?;
        out.flush()?;
        until_stopped(gateway, Signals::listen()?, out).await?;
        visiting.abort();
    }
    model.shutdown().await;
    tools.shutdown().await;
    Ok(())
}

/// The policy's file, which is made if it is not there.
fn policy(data: &Path) -> Result<PathBuf, CommandError> {
    let folder = std::path::absolute(data.join("policy"))?;
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("demo.cedar");
    match std::fs::File::create_new(&file) {
        Ok(mut made) => made.write_all(POLICY.as_bytes())?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.into()),
    }
    Ok(file)
}

/// Has the last agent make a call that waits for the visitor, and says where to decide.
async fn visit(
    recordings: &Arc<Recordings>,
    gateway: &Gateway,
    keys: &[String],
    (args, policy): (&Args, &Path),
    out: &mut dyn Write,
) -> Result<JoinHandle<()>, CommandError> {
    let Some(player) = players(recordings, gateway, keys).pop() else {
        return Err(CommandError::Io("the demo has no agents".to_owned()));
    };
    let calls = recordings.sessions().iter().flat_map(|session| &session.messages);
    let mut calls = calls.map(Message::turn).flat_map(|turn| turn.calls);
    let Some(call) = calls.find(|call| call.name == HELD_TOOL) else {
        writeln!(out, "\nNo recorded session calls `{HELD_TOOL}`, so no call waits for you.")?;
        return Ok(tokio::spawn(async {}));
    };
    let mut changes = gateway.gate().desk().changes();
    let visiting = tokio::spawn(async move {
        let said = player.make(&call).await.unwrap_or_else(|error| error);
        tracing::info!(result = said, "the call that waited for you has its answer");
    });
    let pending = HoldFilter { pending: Some(true), ..HoldFilter::default() };
    let held = loop {
        if let Some(held) = gateway.gate().desk().holds(&pending).into_iter().next() {
            break held;
        }
        if changes.changed().await.is_err() || visiting.is_finished() {
            return Ok(visiting);
        }
    };
    writeln!(out, "\nOne call waits for you. `night-bot` wants to cancel a reservation:")?;
    writeln!(out, "  http://{}/holds/{}", gateway.people, held.hold.id)?;
    writeln!(out, "Why it waits, and who may allow it, stands in this file. Change it and see:")?;
    writeln!(out, "  {}", policy.display())?;
    writeln!(out, "Or decide from here:")?;
    let data = args.data.display();
    writeln!(out, "  cargo run --release -- approvals list --data {data}")?;
    Ok(visiting)
}

async fn upstreams(recordings: &Arc<Recordings>) -> Result<(Handle, Handle), CommandError> {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let key = Some(UPSTREAM_KEY.to_owned());
    let options = provider::Options { key: key.clone(), ..provider::Options::default() };
    let model = provider::start(anywhere, Arc::clone(recordings), options).await?;
    let options = airline::Options { key, ..airline::Options::default() };
    let tools = airline::start(anywhere, Arc::clone(recordings), options).await?;
    Ok((model, tools))
}

/// A fresh key for each agent.
fn keys() -> Result<Vec<String>, CommandError> {
    CAST.iter().map(|_| super::keygen::key()).collect()
}

fn configuration(
    args: &Args,
    keys: &[String],
    policy: &Path,
    [model, tools]: [&Handle; 2],
) -> Result<Loaded, CommandError> {
    let mut text = format!(
        "[listen]\nagents = \"{}\"\npeople = \"{}\"\n[ledger]\nsegment_bytes = \"16MiB\"\n\
         [policy]\nfiles = [{}]\n\
         [[model]]\nname = \"stand-in\"\ndialect = \"openai\"\nurl = \"http://{}/v1\"\n\
         key = {{ env = \"UPSTREAM\" }}\n\
         [[model]]\nname = \"stand-in-messages\"\ndialect = \"anthropic\"\n\
         url = \"http://{}/v1\"\nkey = {{ env = \"UPSTREAM\" }}\n\
         [[tools]]\nname = \"airline\"\nurl = \"http://{}{}\"\nkey = {{ env = \"UPSTREAM\" }}\n",
        args.agents,
        args.people,
        toml::Value::from(policy.display().to_string()),
        model.addr(),
        model.addr(),
        tools.addr(),
        airline::PATH,
    );
    for (number, (name, team, owner, ..)) in CAST.iter().enumerate() {
        text.push_str(&format_agent(name, team, owner, number));
    }
    let look_up = |reference: &SecretRef| {
        let name = match reference {
            SecretRef::Env(name) => name.as_str(),
            SecretRef::File(_) => "",
        };
        let key = name.strip_prefix("AGENT").and_then(|number| number.parse::<usize>().ok());
        let secret = key.and_then(|number| keys.get(number)).map_or(UPSTREAM_KEY, String::as_str);
        Ok(Found { secret: Secret::new(secret), readable_by_others: false })
    };
    let mut loaded = Config::parse(&text, Path::new("demo"), &look_up)
        .map_err(|problems| CommandError::Configuration(problems.to_string()))?;
    loaded.config.data.clone_from(&args.data);
    Ok(loaded)
}

fn format_agent(name: &str, team: &str, owner: &str, number: usize) -> String {
    format!(
        "[[agent]]\nname = \"{name}\"\nteam = \"{team}\"\nowner = \"{owner}\"\n\
         key = {{ env = \"AGENT{number}\" }}\nmodels = [\"*\"]\ntools = [\"airline/*\"]\n"
    )
}

fn players(recordings: &Arc<Recordings>, gateway: &Gateway, keys: &[String]) -> Vec<Player> {
    let cast = CAST.iter().zip(keys);
    let player = |((_, _, _, era, stream), key): (&(_, _, _, Era, bool), &String)| {
        let options = Options {
            model_url: format!("http://{}/v1", gateway.agents),
            tools_url: format!("http://{}/mcp/airline", gateway.agents),
            key: Some(key.clone()),
            era: *era,
            stream: *stream,
        };
        Player::new(Arc::clone(recordings), options)
    };
    cast.map(player).collect()
}

fn summary(
    gateway: &Gateway,
    played: &Played,
    began: Instant,
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let written = gateway.gate().ledger().written();
    let wire = played.bytes_sent + played.bytes_received;
    let stored = gateway.gate().ledger().reader().next();
    writeln!(
        out,
        "{} sessions: {} model calls and {} tool calls in {:.1} s; {} failed",
        played.sessions,
        played.model_requests,
        played.tool_calls,
        began.elapsed().as_secs_f64(),
        played.failed,
    )?;
    if let Some(failure) = &played.first_failure {
        writeln!(out, "the first failure: {failure}")?;
    }
    writeln!(
        out,
        "{stored} events, each durable before what it tells of; {:.1} MB crossed the wire, {:.2} MB \
         of payloads were kept\n",
        mega(wire),
        mega(usize::try_from(written.payload_bytes).unwrap_or(usize::MAX)),
    )?;
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a figure to look at")]
fn mega(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

fn further(
    args: &Args,
    gateway: &Gateway,
    keys: &[String],
    out: &mut dyn Write,
) -> Result<(), CommandError> {
    let data = args.data.display();
    let key = keys.first().map_or("", String::as_str);
    writeln!(out, "\nLook further, in another terminal:")?;
    let program = "cargo run --release --";
    writeln!(out, "  {program} events --data {data} --type finding.")?;
    writeln!(out, "  {program} trace latest --data {data}")?;
    writeln!(out, "  {program} verify {data}")?;
    writeln!(out, "  curl http://{}/metrics", gateway.people)?;
    writeln!(out, "Be an agent yourself:")?;
    writeln!(
        out,
        "  curl http://{}/v1/chat/completions -H 'authorization: Bearer {key}' \\\n    -d \
         '{{\"model\":\"gpt-4o\",\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}'",
        gateway.agents
    )?;
    Ok(())
}
