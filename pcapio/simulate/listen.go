package simulate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// Listener says where to listen, and until when.
type Listener struct {
	Address  string        // host:port
	Size     int           // bytes of a message that are read and echoed; 0: 1024
	StopFile string        // ends the listener when it appears; empty: only ctx does
	Poll     time.Duration // how often the stop file is looked for; 0: 0.5 s
}

// Received is a message that a listener got.
type Received struct {
	From string // host:port
	Data []byte // valid until the function that is called with it returns
}

// ErrStopFile says that a listener was not started because its stop file was
// there already, which is how the original's helpers are kept from running.
var ErrStopFile = errors.New("the stop file is there already")

// lingering bounds how long a TCP client is heard out after its answer.
const lingering = 5 * time.Second

func (l *Listener) size() int {
	if l.Size <= 0 {
		return 1024
	}
	return l.Size
}

// until returns a context that ends when the stop file appears.
func (l *Listener) until(ctx context.Context) (context.Context, context.CancelFunc, error) {
	ctx, cancel := context.WithCancel(ctx)
	if l.StopFile == "" {
		return ctx, cancel, nil
	}
	if l.stopped() {
		cancel()
		return nil, nil, fmt.Errorf("%s: %w", l.StopFile, ErrStopFile)
	}
	poll := l.Poll
	if poll <= 0 {
		poll = 500 * time.Millisecond
	}
	go func() {
		t := time.NewTicker(poll)
		defer t.Stop()
		for !l.stopped() {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
			}
		}
		cancel()
	}()
	return ctx, cancel, nil
}

func (l *Listener) stopped() bool {
	_, err := os.Lstat(l.StopFile)
	return err == nil
}

// ListenTCP accepts connections, reads the first bytes that each client sends,
// up to Size, sends them back and closes. The rest of a longer message is read
// and dropped, so that its sender is not answered by a reset. It calls got, one
// message at a time, and returns nil once ctx has ended or the stop file is there.
func ListenTCP(ctx context.Context, l Listener, got func(Received)) error {
	ctx, cancel, err := l.until(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", l.Address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = ln.Close() })
	var clients sync.WaitGroup
	defer clients.Wait()
	var one sync.Mutex
	for {
		conn, err := ln.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listen on %s: %w", l.Address, err)
		}
		clients.Go(func() {
			stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
			defer stop()
			defer conn.Close()
			buf := make([]byte, l.size())
			n, err := conn.Read(buf)
			if err != nil {
				return // a client that said nothing
			}
			if got != nil {
				one.Lock()
				got(Received{conn.RemoteAddr().String(), buf[:n]})
				one.Unlock()
			}
			echo(conn.(*net.TCPConn), buf[:n])
		})
	}
}

// echo answers and hears the client out. That a client is gone is no error of
// the listener's.
func echo(conn *net.TCPConn, data []byte) {
	if _, err := conn.Write(data); err != nil {
		return
	}
	_ = conn.CloseWrite()
	_ = conn.SetReadDeadline(time.Now().Add(lingering))
	_, _ = io.Copy(io.Discard, conn)
}

// ListenUDP sends each datagram's first bytes, up to Size, back to its sender.
// It calls got and returns as ListenTCP does.
func ListenUDP(ctx context.Context, l Listener, got func(Received)) error {
	ctx, cancel, err := l.until(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	conn, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", l.Address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer conn.Close()
	context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	buf := make([]byte, l.size())
	for {
		n, from, err := conn.ReadFrom(buf)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listen on %s: %w", l.Address, err)
		}
		if got != nil {
			got(Received{from.String(), buf[:n]})
		}
		_, _ = conn.WriteTo(buf[:n], from) // that a client is gone is no error of the listener's
	}
}
