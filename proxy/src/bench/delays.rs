//! By how much the gateway delays a stream: its first chunk, and each one after it.

use super::cases::Source;
use super::figures::percentile;
use super::load::{Connection, LoadError, Target, micros};
use super::rounds::{CHAT, MeasureError, Scene, on};
use super::stamped;
use serde::Serialize;
use std::time::Instant;

/// How many streams are timed on each way.
const STREAMS: usize = 12;

/// The median delays of streams, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Delays {
    /// From the request to the first chunk, without anything in between.
    pub direct_first_us: f64,
    /// The same through the gateway.
    pub gateway_first_us: f64,
    /// From each later chunk's sending to its arrival, without anything in between.
    pub direct_chunk_us: f64,
    /// The same through the gateway.
    pub gateway_chunk_us: f64,
}

/// One way's samples.
#[derive(Default)]
struct Samples {
    first: Vec<u32>,
    later: Vec<u32>,
}

/// Times streams, taking turns between the two ways.
pub async fn measure(scene: &Scene) -> Result<Delays, MeasureError> {
    let direct = Target::new(scene.upstreams.stamped, CHAT);
    let gateway = Target::new(scene.gateway.address("agents")?, CHAT);
    let mut direct = Connection::open(&direct).await.map_err(on("direct"))?;
    let mut gateway = Connection::open(&gateway).await.map_err(on("gateway"))?;
    let (mut source, mut of_direct, mut of_gateway) =
        (Source::stamped(), Samples::default(), Samples::default());
    for _ in 0..STREAMS {
        of_direct.time(&mut direct, &mut source).await.map_err(on("direct"))?;
        of_gateway.time(&mut gateway, &mut source).await.map_err(on("gateway"))?;
    }
    Ok(Delays {
        direct_first_us: middle(of_direct.first),
        gateway_first_us: middle(of_gateway.first),
        direct_chunk_us: middle(of_direct.later),
        gateway_chunk_us: middle(of_gateway.later),
    })
}

impl Samples {
    async fn time(
        &mut self,
        connection: &mut Connection,
        source: &mut Source,
    ) -> Result<(), LoadError> {
        let began = Instant::now();
        let mut is_first = true;
        let piece = |piece: &bytes::Bytes| {
            if std::mem::take(&mut is_first) {
                self.first.push(micros(began.elapsed()));
            } else {
                self.later.extend(stamped::age_us(piece));
            }
        };
        connection.call(source, piece).await
    }
}

fn middle(mut samples: Vec<u32>) -> f64 {
    samples.sort_unstable();
    percentile(&samples, 50)
}
