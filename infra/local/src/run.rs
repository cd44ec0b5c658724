//! The order in which things are started, and what keeps running until somebody ends it.

use std::convert::Infallible;

use anyhow::Context;
use futures::FutureExt;
use futures::future::{LocalBoxFuture, join_all, select_all};
use roomsync_board::{Board, BoardConfig, Tables};
use roomsync_template::{Stack, Template};
use tokio::net::TcpListener;

use crate::demo::{self, Demo};
use crate::endpoints::{Endpoints, EndpointsFile};
use crate::{
    Aws, Binaries, Emulator, Host, News, Options, Place, Ports, Secret, Teller, account, compile, gateway,
    prerequisites, pump, runtime_api, schedule, secrets, shutdown, stack, tenants, watch,
};

/// Starts everything and keeps it running until Ctrl-C. Afterwards nothing is left: no process, no `endpoints.json`.
///
/// # Errors
/// Something that is needed is missing or ends by itself; the message is one sentence with the way out.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let place = Place::of_checkout(options.state.as_deref())?;
    let _only_one = prerequisites::only_one(&place)?;
    prerequisites::free_ports(options.ports())?;
    EndpointsFile::remove_stale(&place);
    let (teller, news) = Teller::new();
    tokio::select! {
        wanted = shutdown::requested() => wanted.context("cannot listen for Ctrl-C"),
        never = system(&options, &place, &teller) => never.map(|_| ()),
        () = account(news) => Ok(()),
    }
}

/// Start-up, then the running system. Dropping this future ends all of it.
async fn system(options: &Options, place: &Place, teller: &Teller) -> anyhow::Result<Infallible> {
    let ports = options.ports();
    let mut tenants = tenants::read(&options.tenant_files, &options.secrets, teller)?;
    let mut given = options.secrets.clone();
    let built_in = options.graph_url.is_none();
    if built_in && options.tenant_files.is_empty() {
        let (config, secret) = demo::tenant()?;
        tenants.push(config);
        given.push(secret);
    }
    let stack = Template::load(&place.checkout.join("template.yaml"))?.stack(&stack::names(options))?;
    given.extend(secrets::generated(&stack, &given));
    let aws = Aws::at(&ports.aws_url());
    teller.tell(News::Step("building the functions and starting the AWS emulator".to_owned()));
    let (binaries, mut emulator) = tokio::try_join!(
        binaries(options, place, &stack),
        resources(options, place, teller, &aws, &stack, &given)
    )?;

    let demo = if built_in { Some(Demo::start(ports.graph).await?) } else { None };
    let board = Board::start(board_config(&aws, &stack, ports)?).await?;
    tenants::apply(&aws, &stack, tenants).await?;
    teller.tell(News::Step("starting the functions".to_owned()));
    let host = Host::new(&with_ticks(stack.clone(), options));
    let listener = listen(ports.runtime_api).await?;
    let requests = listen(ports.webhook).await?;
    let mut parts: Vec<LocalBoxFuture<'_, anyhow::Result<Infallible>>> = vec![
        emulator.ended().map(Err).boxed_local(),
        async {
            runtime_api::serve(listener, host.lambdas.clone()).await?;
            anyhow::bail!("the Runtime API has ended")
        }
        .boxed_local(),
        async {
            gateway::serve(requests, &host, teller).await?;
            anyhow::bail!("the HTTP API has ended")
        }
        .boxed_local(),
        host.keep_running(&binaries, place, ports, teller).boxed_local(),
        announce(options, place, &stack, &host, &board.url, teller).boxed_local(),
        watch::watch(&board, teller).map(Ok).boxed_local(),
    ];
    if let Some(demo) = demo {
        let demo = async { Ok(if options.no_demo { demo.idle().await } else { demo.act(teller).await }) };
        parts.push(demo.boxed_local());
    }
    for lambda in host.lambdas.values() {
        for rule in &lambda.function.schedules {
            let ticks = schedule::tick(
                lambda,
                &rule.logical,
                interval(options, &lambda.function.logical, rule.every_seconds),
                teller,
            );
            parts.push(ticks.map(Ok).boxed_local());
        }
        for source in &lambda.function.queues {
            let queue = stack.queues.iter().find(|queue| queue.arn == source.queue_arn);
            let queue = queue.with_context(|| format!("template.yaml has no queue {}", source.queue_arn))?;
            parts.push(pump::pump(&aws, source, queue, lambda, teller).map(Ok).boxed_local());
        }
    }
    select_all(parts).await.0
}

/// A port was free at the start, and much has happened since.
async fn listen(port: u16) -> anyhow::Result<TcpListener> {
    TcpListener::bind(("127.0.0.1", port)).await.with_context(|| format!("cannot listen on port {port}"))
}

async fn binaries(options: &Options, place: &Place, stack: &Stack) -> anyhow::Result<Binaries> {
    let names: Vec<String> = stack.functions.iter().map(roomsync_template::Function::binary).collect();
    compile::binaries(place, &names, options.release).await
}

/// The emulator with everything in it that the functions find on AWS.
async fn resources(
    options: &Options,
    place: &Place,
    teller: &Teller,
    aws: &Aws,
    stack: &Stack,
    given: &[Secret],
) -> anyhow::Result<Emulator> {
    let python = prerequisites::python().await?;
    let emulator = Emulator::start(place, &python, options.ports(), teller).await?;
    stack::create(aws, stack).await?;
    secrets::put(aws, given).await?;
    Ok(emulator)
}

/// Once every function has asked for work: the file for programs, the lines for people.
async fn announce(
    options: &Options,
    place: &Place,
    stack: &Stack,
    host: &Host,
    board_url: &str,
    teller: &Teller,
) -> anyhow::Result<Infallible> {
    join_all(host.lambdas.values().map(|lambda| lambda.up())).await;
    let aws_url = options.ports().aws_url();
    let endpoints = Endpoints::of(stack, aws_url.clone(), options.microsoft(), board_url)?;
    let _file = EndpointsFile::write(place, &endpoints)?;
    teller.tell(News::Ready(vec![
        ("board".to_owned(), board_url.to_owned()),
        ("Microsoft Graph".to_owned(), options.microsoft().0),
        ("AWS emulator".to_owned(), aws_url),
        ("logs".to_owned(), place.local.join("logs").display().to_string()),
    ]));
    std::future::pending().await
}

fn board_config(aws: &Aws, stack: &Stack, ports: Ports) -> anyhow::Result<BoardConfig> {
    let table = |logical: &str| {
        let table = stack.table(logical).with_context(|| format!("template.yaml has no {logical}"))?;
        anyhow::Ok(table.name.clone())
    };
    let tables = Tables {
        rooms: table("RoomsTable")?,
        bookings: table("BookingsTable")?,
        sync_state: table("SyncStateTable")?,
    };
    Ok(BoardConfig { tables, sdk: aws.config.clone(), bind: ([127, 0, 0, 1], ports.board).into() })
}

/// How often subscriptions are looked through: who has just been given access to a room, or watches a subscription vanish, does not want to
/// wait for an hour.
const SUBSCRIPTIONS_EVERY: u32 = 60;

/// The template's rate, or what the command line asks for.
fn interval(options: &Options, function: &str, template: u32) -> u32 {
    let asked = match function {
        "PollDispatcherFunction" => options.looks_every(),
        "ResourceSyncFunction" => options.rooms_every,
        "SubscriptionKeeperFunction" => Some(SUBSCRIPTIONS_EVERY),
        _ => None,
    };
    asked.unwrap_or(template)
}

/// A function that knows its own tick has to know the one it gets here.
fn with_ticks(mut stack: Stack, options: &Options) -> Stack {
    for function in &mut stack.functions {
        let Some(rule) = function.schedules.first() else { continue };
        let seconds = interval(options, &function.logical, rule.every_seconds);
        if let Some(tick) = function.environment.get_mut("TICK_SECONDS") {
            *tick = seconds.to_string();
        }
    }
    stack
}
