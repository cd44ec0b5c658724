//! cargo sim
fn main() {
    let args: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let t = std::time::Instant::now();
    let mut tally = roomsync_simulation::Tally::default();
    let (mut bad, mut calls) = (0, 0);
    for seed in args[0]..args[0] + args[1] {
        let mut plan = roomsync_simulation::Plan::new(seed, 600);
        plan.tells = args.len() > 2;
        let r = roomsync_simulation::run(&plan);
        calls += r.calls;
        if plan.tells {
            for l in &r.story {
                eprintln!("{l}");
            }
        }
        tally.add(&r.tally);
        if !r.wrong.is_empty() {
            bad += 1;
            if bad < 15 {
                eprintln!("seed {seed}: {}", r.wrong.iter().take(2).cloned().collect::<Vec<_>>().join("; "));
            }
        }
    }
    eprintln!("{bad} bad, {calls} calls, {:?}", t.elapsed());
    if args.len() == 2 {
        for (n, c) in tally.iter() {
            eprintln!("{n}: {c}");
        }
    }
}
