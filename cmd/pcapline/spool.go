package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/pcapio"
	"github.com/pcapline/pcapline/pcapio/spool"
)

func spoolCommand() *cli.Command {
	return &cli.Command{
		Name:      "spool",
		Usage:     "look after a spool: list, check, recover, delete by quota",
		ArgsUsage: "DIR",
		UsageText: "pcapline spool ls spool\npcapline spool check spool\npcapline spool recover spool\npcapline spool gc --quota 10GB --dry-run spool",
		Subcommands: []*cli.Command{
			{Name: "ls", Usage: "list segments and how far each consumer has read", ArgsUsage: "DIR", UsageText: "pcapline spool ls spool", Action: spoolList},
			{Name: "check", Usage: "read every segment; exit status 3 when one is not sound", ArgsUsage: "DIR", UsageText: "pcapline spool check spool", Action: spoolCheck},
			{Name: "recover", Usage: "make segments of what a crash left", ArgsUsage: "DIR", UsageText: "pcapline spool recover spool", Action: spoolRecover},
			{
				Name: "gc", Usage: "delete segments by quota, what consumers have read first", ArgsUsage: "DIR", UsageText: "pcapline spool gc --max-age 168h spool",
				Flags:  append(quotaFlags(), &cli.BoolFlag{Name: "dry-run", Usage: "only say what would be deleted"}),
				Action: spoolGC,
			},
		},
	}
}

// spoolDir is the one argument of the spool commands.
func spoolDir(c *cli.Context) (string, error) {
	if c.NArg() != 1 {
		return "", usagef("spool %s: name the spool's folder", c.Command.Name)
	}
	return c.Args().First(), nil
}

func spoolList(c *cli.Context) error {
	dir, err := spoolDir(c)
	if err != nil {
		return err
	}
	segments, err := spool.List(dir)
	if err != nil {
		return err
	}
	cursors, err := spool.Cursors(dir)
	if err != nil {
		return err
	}
	sum := struct {
		Segments  []spool.Segment     `json:"segments"`
		Consumers []spool.CursorState `json:"consumers"`
	}{segments, cursors}
	return summarise(c, sum, func(w io.Writer) {
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, s := range segments {
			state := "finished"
			if s.Part {
				state = "being written, or left by a crash"
			}
			fmt.Fprintf(tw, "%s\t%s\t%d B\t%s\n", s.Name, stamp(s.Start), s.Size, state)
		}
		for _, cur := range cursors {
			fmt.Fprintf(tw, "consumer %s\t%s\tpacket %d\tbyte %d\n", cur.Name, cur.Position.Segment, cur.Position.Packet, cur.Position.Offset)
		}
		_ = tw.Flush()
	})
}

func spoolCheck(c *cli.Context) error {
	dir, err := spoolDir(c)
	if err != nil {
		return err
	}
	r, err := spool.Check(dir, pcapio.Options{})
	if err != nil {
		return err
	}
	if err := summarise(c, r, func(w io.Writer) {
		fmt.Fprintf(w, "%d segments, %d packets, %d bytes; %d packets dropped while capturing; %d numbers missing\n",
			len(r.Segments), r.Packets, r.Bytes, r.Dropped, r.Gaps)
		for _, p := range r.Problems {
			fmt.Fprintln(w, p)
		}
	}); err != nil {
		return err
	}
	if n := len(r.Problems); n > 0 {
		return damaged(fmt.Errorf("%s: %d problems, the first: %s", dir, n, r.Problems[0]))
	}
	return nil
}

func spoolRecover(c *cli.Context) error {
	dir, err := spoolDir(c)
	if err != nil {
		return err
	}
	rec, err := spool.Recover(dir)
	if err != nil {
		return err
	}
	return summarise(c, rec, func(w io.Writer) {
		for _, r := range rec {
			switch {
			case r.Removed:
				fmt.Fprintf(w, "%s: removed, there was no packet in it\n", r.Name)
			default:
				fmt.Fprintf(w, "%s: %d packets kept, %d bytes cut %s\n", r.Name, r.Packets, r.Cut, r.Reason)
			}
		}
		fmt.Fprintf(w, "%d segments recovered\n", len(rec))
	})
}

func spoolGC(c *cli.Context) error {
	dir, err := spoolDir(c)
	if err != nil {
		return err
	}
	q, err := quotaOf(c)
	if err != nil {
		return err
	}
	if q == (spool.Quota{}) {
		return usagef("spool gc: no limit given (--quota, --max-age, --min-free)")
	}
	r, err := spool.GC(dir, q, time.Now(), c.Bool("dry-run"))
	if err != nil {
		return err
	}
	return summarise(c, r, func(w io.Writer) {
		did := "deleted"
		if c.Bool("dry-run") {
			did = "would delete"
		}
		for _, d := range r.Deleted {
			fmt.Fprintf(w, "%s %s (%d B, for %s)\n", did, d.Name, d.Size, d.Reason)
		}
		fmt.Fprintf(w, "%s %d segments, %d B; %d not yet read by every consumer; %d B in use\n", did, len(r.Deleted), r.Freed, r.Unconsumed, r.Used)
	})
}
