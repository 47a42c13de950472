//! A gateway in this process before the stand-in airline, so that a suite can decide at its desk.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use approvals::{Desk, HoldView};
use events::Operation;
use ledger::sealer::LostLock;
use proxy::gate::Gate;
use proxy::gateway::Gateway;
use serde_json::Value;
use tempfile::TempDir;
use tests::mcp;
use tests::patience::until;
use tests::records::Records;
use tests::standins::Standins;
use tests::wire::{Answer, Connection};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use crate::call::Call;
use crate::plan::{POLICY_FILE, Plan, holding};
use crate::voting::pending;

/// Long enough for people in a suite.
pub(crate) const PATIENT: Duration = Duration::from_mins(1);

/// So short that an agent is always sent back.
pub(crate) const HASTY: Duration = Duration::from_secs(1);

/// The airline, the gateway before it, and where both keep what they keep.
pub(crate) struct Stage {
    pub(crate) standins: Standins,
    gateway: Option<Gateway>,
    runtime: Runtime,
    folder: Arc<TempDir>,
    plan: Plan,
}

impl Stage {
    /// Starts both, with a policy that holds every cancellation; a tool call is held open so long.
    pub(crate) fn start(hold: Duration) -> Self {
        Self::of(Plan::new(&holding("@approvers(\"1 of role:approver\")")).hold(hold))
    }

    /// Starts both as planned.
    pub(crate) fn of(plan: Plan) -> Self {
        Self::before(Standins::start(Duration::ZERO), plan)
    }

    /// Starts a gateway as planned before these stand-ins.
    pub(crate) fn before(standins: Standins, plan: Plan) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let runtime = Runtime::new().unwrap();
        let mut stage = Self { standins, gateway: None, runtime, folder, plan };
        if let Some(policy) = stage.plan.policy() {
            stage.write_policy(policy);
        }
        stage.start_gateway();
        stage
    }

    fn start_gateway(&mut self) {
        let loaded = self.plan.loaded(self.folder.path(), &self.standins);
        let started = self.runtime.block_on(Gateway::start(loaded, LostLock::Refuse));
        self.gateway = Some(started.unwrap());
    }

    /// Puts another policy where the gateway looks for it.
    pub(crate) fn write_policy(&self, policy: &str) {
        std::fs::write(self.folder.path().join(POLICY_FILE), policy).unwrap();
    }

    /// Stops the gateway in order, and starts it again on the same ledger.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.start_gateway();
    }

    fn stop(&mut self) {
        let gateway = self.gateway.take().unwrap();
        self.runtime.block_on(gateway.stop("the test says so")).unwrap();
    }

    fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    /// Stops the gateway in order; gives what is on record, and the folder it is in.
    pub(crate) fn end(mut self) -> (Records, Arc<TempDir>) {
        self.stop();
        (self.records(), Arc::clone(&self.folder))
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What is on record now.
    pub(crate) fn records(&self) -> Records {
        Records::read(&self.data())
    }

    /// Waits for what the gateway does.
    pub(crate) fn wait<T>(&self, what: impl Future<Output = T>) -> T {
        self.runtime.block_on(what)
    }

    pub(crate) fn spawn(&self, what: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        self.runtime.spawn(what)
    }

    /// Where agents connect.
    pub(crate) fn agents(&self) -> SocketAddr {
        self.gateway().agents
    }

    pub(crate) fn gate(&self) -> &Gate {
        self.gateway().gate()
    }

    pub(crate) fn desk(&self) -> Desk {
        self.gate().desk().clone()
    }

    /// Waits until a call waits for people.
    pub(crate) fn held(&self) -> HoldView {
        let desk = self.desk();
        until("a call that waits", || desk.holds(&pending()).into_iter().next())
    }

    /// Waits until so many calls wait for people.
    pub(crate) fn all_held(&self, count: usize) -> Vec<HoldView> {
        self.held_so("calls that wait", |held| held.len() == count)
    }

    /// Waits until this is true of the calls that wait for people.
    pub(crate) fn held_so(&self, what: &str, is: impl Fn(&[HoldView]) -> bool) -> Vec<HoldView> {
        let desk = self.desk();
        until(what, || {
            let began = Instant::now();
            let held = desk.holds(&pending());
            if is(&held) {
                return Some(held);
            }
            // To look at many takes the desk from those who come to it.
            std::thread::park_timeout(began.elapsed() * 2);
            None
        })
    }

    /// How many tool calls went upstream.
    pub(crate) fn made(&self) -> usize {
        let records = self.records();
        let dispatched = records.dispatched();
        dispatched.values().filter(|fact| fact.operation == Operation::ExecuteTool).count()
    }

    /// Sends a call, and does not wait for the answer.
    pub(crate) fn send(&self, call: &Call) -> Connection {
        let mut connection = Connection::open(self.agents()).unwrap();
        connection.send(mcp::sent(call.path, &call.headers(), call.text())).unwrap();
        connection
    }

    /// Sends a call over a connection of its own, and waits for whatever is answered.
    pub(crate) fn answer(&self, call: &Call) -> Answer {
        mcp::send(self.agents(), call.path, &call.headers(), call.text())
    }

    /// Sends a call over a connection of its own, and waits for the message in the answer.
    pub(crate) fn call(&self, call: &Call) -> Value {
        mcp::message(&self.answer(call).body)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            drop(self.runtime.block_on(gateway.stop("the test is over")));
        }
    }
}
