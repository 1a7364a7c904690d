package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/pcapline/pcapline/pcapio"
)

func infoCommand() *cli.Command {
	return &cli.Command{
		Name:      "info",
		Usage:     "what captures hold, as capinfos says it",
		ArgsUsage: "FILE|DIR...",
		UsageText: "pcapline info capture.pcapng.zst\npcapline info --json testdata/lab",
		Action: func(c *cli.Context) error {
			if c.NArg() == 0 {
				return usagef("info: name a capture or a folder of captures")
			}
			paths, err := pcapio.Expand(c.Args().Slice())
			if err != nil {
				return err
			}
			infos, bad := inspectAll(c, paths)
			if err := summarise(c, infos, func(w io.Writer) {
				for _, i := range infos {
					writeInfo(w, i)
				}
			}); err != nil {
				return err
			}
			if len(infos) == 0 {
				return bad
			}
			return damaged(bad)
		},
	}
}

// inspectAll reads each capture; bad joins what is wrong with any.
func inspectAll(c *cli.Context, paths []string) (infos []*pcapio.Info, bad error) {
	for _, p := range paths {
		info, err := pcapio.Inspect(p, pcapio.Options{})
		bad = errors.Join(bad, err)
		if info != nil {
			infos = append(infos, info)
		}
		if c.Context.Err() != nil {
			return infos, c.Context.Err()
		}
	}
	return infos, bad
}

func writeInfo(w io.Writer, i *pcapio.Info) {
	row := func(name, format string, a ...any) {
		fmt.Fprintf(w, "  %-22s "+format+"\n", append([]any{name}, a...)...)
	}
	fmt.Fprintln(w, i.Path)
	row("format", "%s %s %v", i.Format, i.Version, i.Compression)
	row("packets", "%d (%d cut short by the snaplen)", i.Packets, i.Cut)
	row("bytes captured / wire", "%d / %d", i.Captured, i.Wire)
	if i.Packets > i.Untimed {
		row("first packet", "%s", stamp(i.First))
		row("last packet", "%s", stamp(i.Last))
		row("duration", "%s", time.Duration(i.Duration))
		row("rate", "%.0f packets/s, %.0f B/s", i.PacketsPerSec, i.BytesPerSec)
		row("in order of time", "%t", i.InOrder)
	}
	for n, f := range i.Interfaces {
		row(fmt.Sprintf("interface %d", n), "%s %s, %d packets", f.Name, f.LinkType, i.PerInterface[n].Packets)
	}
	if i.Dropped > 0 {
		row("dropped by capture", "%d", i.Dropped)
	}
	for _, text := range i.Comments {
		row("comment", "%q", text)
	}
	if i.SHA256 != "" {
		row("sha256", "%s", i.SHA256)
	}
	if i.Damage != "" {
		row("damage", "%s", i.Damage)
	}
}

func stamp(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02 15:04:05.000000000Z") }
