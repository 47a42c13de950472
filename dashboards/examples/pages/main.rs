//! Serves every page, filled with samples, to look at and to test in a browser:
//! `cargo run -p dashboards --example pages -- 127.0.0.1:9090`.

mod asks;

mod lists;

mod sessions;

mod served;

use std::error::Error;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9090".to_owned());
    let listener = tokio::net::TcpListener::bind(&address).await?;
    axum::serve(listener, served::pages()).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
