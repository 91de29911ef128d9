//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"testing"
)

// stage implements what the servers of internal/harness need of a test.
type stage struct {
	testing.TB
	dir      string
	cleanups []func()
}

// fatal is a panic that ends the function on a stage.
type fatal struct{ error }

// on runs f with a stage, and cleans up after it.
func on(f func(*stage) error) (err error) {
	s := &stage{}
	if s.dir, err = os.MkdirTemp("", "lifeline-bench"); err != nil {
		return err
	}
	defer func() {
		for i := len(s.cleanups) - 1; i >= 0; i-- {
			s.cleanups[i]()
		}
		err = errors.Join(err, os.RemoveAll(s.dir))
	}()
	defer func() {
		switch p := recover().(type) {
		case nil:
		case fatal:
			err = p.error
		default:
			panic(p)
		}
	}()
	return f(s)
}

func (s *stage) Helper()                           {}
func (s *stage) Context() context.Context          { return context.Background() }
func (s *stage) Cleanup(f func())                  { s.cleanups = append(s.cleanups, f) }
func (s *stage) Fatal(args ...any)                 { panic(fatal{errors.New(fmt.Sprint(args...))}) }
func (s *stage) Fatalf(format string, args ...any) { panic(fatal{fmt.Errorf(format, args...)}) }
func (s *stage) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (s *stage) TempDir() string {
	dir, err := os.MkdirTemp(s.dir, "")
	if err != nil {
		s.Fatal(err)
	}
	return dir
}
