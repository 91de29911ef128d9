package replica

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"lifeline/internal/store/memory"
)

// Whatever a Store learns to do, what is around it sees: but for Ping, and Wait, which waits for changes.
func TestEveryCallOfAStoreGoesThroughItsInterceptor(t *testing.T) {
	var seen []string
	refused := errors.New("refused")
	note := func(_ context.Context, call *Call, _ func(context.Context) error) error {
		seen = append(seen, call.Name)
		return refused
	}
	s := reflect.ValueOf(Intercept(memory.New(0), note))
	store := reflect.TypeFor[Store]()
	for n := range store.NumMethod() {
		m := store.Method(n)
		if m.Name == "Ping" || m.Name == "Wait" {
			continue
		}
		args := []reflect.Value{reflect.ValueOf(t.Context())}
		for k := 1; k < m.Type.NumIn(); k++ {
			args = append(args, reflect.Zero(m.Type.In(k)))
		}
		before := len(seen)
		out := s.MethodByName(m.Name).Call(args)
		if err, _ := out[len(out)-1].Interface().(error); !errors.Is(err, refused) || len(seen) != before+1 {
			t.Errorf("%s goes past it: %v", m.Name, err)
		}
	}
	slices.Sort(seen)
	if len(slices.Compact(seen)) != store.NumMethod()-2 {
		t.Errorf("calls share a name: %v", seen)
	}
}
