// Package replay sends recorded packets again, into a spool or onto a network
// interface, with the gaps that they had.
//
// [Run] reads a corpus of captures, one after another or merged by time, and
// gives each packet to a [Sink] when its time has come: the gap to the packet
// before, divided by [Options.Speed]. Packets are never early. One that is late, because
// the machine or the sink was slow, is sent at once, and the ones behind it keep their
// places, so delays do not add up; [Stats.MaxLate] says how late the worst was.
//
// [Spool] is the sink that writes segments as a sensor would; [Interface]
// sends frames (Linux). Times can be shifted so that the first packet is of now; the
// gaps in the packets' times stay those of the corpus whatever the speed,
// because flow features are made of them.
//
// # Limits
//
// Sleeping is as exact as the operating system's timers, some tens of
// microseconds; in between packets go out in bursts. Whatever cannot be sent
// is counted by reason. A file that is damaged counts up to the damage.
package replay
