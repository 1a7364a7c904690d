// Package lab records labelled attacks: a network of its own with real servers,
// users who do their work, and attacks by real tools beside them, captured as a
// sensor would capture it, with the truth of what was an attack written down by
// the one who started it.
//
//	plan, err := lab.NewPlan(lab.Network(), lab.Config{Seed: 7})
//	…
//	result, err := lab.Run(ctx, plan, lab.Options{Dir: "lab", Program: pcapline})
//
// # A plan
//
// [NewPlan] draws from the seed alone: addresses and MACs, the order of the
// attacks, who attacks, and what each user does when. The same seed gives the
// same plan; the packets themselves depend on the machine. A [Scenario] is the
// list of servers, attacks and habits that a plan is drawn from: [Network] is an
// office network, [Web] a web application.
//
// # Where it happens
//
// [Isolate] starts the program again in a network, mount, process, IPC and host
// name namespace of its own, with a file system in memory over /run. [Run] is
// called there: hosts are network namespaces behind one bridge, which has no way
// out. When that first process ends, however it ends, the kernel ends every
// other one in it and takes the networks away with them. Root is needed.
//
// # What is bounded
//
// Each attack has a time after which its tool is killed, each user's errand has
// one, the whole lab has one, and the capture ends at a number of packets.
//
// # The truth
//
// Each attack is a row for each protocol that it speaks: interval, source,
// destination, port. An attacker's host is an ordinary user's host at other
// times, so that its address gives nothing away; while it attacks, its user
// waits, so that its rows are the attack's and nobody else's. Intervals are
// measured, from before the tool starts until half a second after its end.
//
// # Limits
//
// One segment of Ethernet, IPv4, one machine's clock: no router, no losses and
// no jitter but the machine's own, and attackers who do one thing at a time.
package lab
