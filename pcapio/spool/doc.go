// Package spool keeps captured packets in a directory of rotating pcapng
// segments that survives crashes, full disks and slow readers.
//
// # The directory
//
// One directory belongs to one sensor and to one [Writer] at a time:
//
//	lab_eth0_1733900000000000000_0000000041.pcapng        a finished segment
//	.lab_eth0_1733900060000000000_0000000042.pcapng.part  the one being written
//	.cursors/watch.json                                   how far a consumer has come
//	.lock                                                 held while somebody writes
//
// A name says sensor, interface (several joined by "+"), time of the first
// packet in nanoseconds UTC, and a number that rises by one in the directory.
// A segment has its final name only when it is whole: statistics at its end,
// fsync, then rename. Files have mode 0640, the directory 0750.
//
// # Writing
//
// [Writer.Write] encodes the packet into memory and returns; a goroutine
// writes. So a disk that stalls costs nothing until the queue is full, and
// then every lost packet is counted and said in the file: as drop count of the
// next packet that is kept, and in the statistics. With [Config.Hold] a full
// queue makes Write wait instead, so that packets stay where they come from,
// such as a capture's ring, and are lost and counted there. The same holds for a full disk:
// writing stops, capturing goes on, and when there is room writing resumes.
// Segments rotate as [Rotation] says. The statistics block at the end of a
// segment covers that segment: isb_ifrecv = isb_usrdeliv (written here) +
// isb_osdrop (lost in the kernel) + isb_ifdrop (lost here or in the interface; dumpcap
// counts its own losses there too), as far as the capture's counters agree.
//
// # Crashes
//
// A writer that dies leaves its segment under the hidden name, perhaps with a
// torn block at its end. [Recover] cuts it at the last whole block, appends
// statistics, and renames; [Open] does it before anything else.
//
// # Reading
//
// [Tail] follows the segments, also the one being written, and gives every
// packet once. A [Cursor] keeps a consumer's [Position] across restarts: a
// consumer that stores its position after its results never skips a packet, and
// repeats none unless it stops between the two.
// [GC] keeps a [Quota] and deletes what every cursor has passed first.
//
// # Limits
//
// The lock is the operating system's advisory one; network file systems may
// ignore it, and it does nothing on systems other than Linux, the BSDs, macOS
// and Windows. Free space is known on Linux, macOS, FreeBSD and Windows. On Windows a
// segment cannot be renamed while a Tail has it open.
package spool
