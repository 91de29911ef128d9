package replica

import (
	"slices"
	"sync"
	"time"
)

// ChangePause is the shortest delay between a change and the background work that it causes.
const ChangePause = 50 * time.Millisecond

// Signals wakes goroutines that wait for a topic. A topic without waiters costs nothing.
type Signals struct {
	mu       sync.Mutex
	channels map[string]chan struct{}
	joined   map[string][]string // topic -> the topics that it wakes too
}

// Join makes each of the topics wake topic, so that one channel serves a goroutine that waits for several.
func (s *Signals) Join(topic string, topics ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.joined == nil {
		s.joined = make(map[string][]string)
	}
	for _, t := range topics {
		if !slices.Contains(s.joined[t], topic) {
			s.joined[t] = append(s.joined[t], topic)
		}
	}
}

// On returns a channel that is closed when the topic is next woken. Call it before reading the guarded state.
func (s *Signals) On(topic string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.channels == nil {
		s.channels = make(map[string]chan struct{})
	}
	c, ok := s.channels[topic]
	if !ok {
		c = make(chan struct{})
		s.channels[topic] = c
	}
	return c
}

func (s *Signals) Wake(topics ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, topic := range topics {
		s.wakeLocked(topic)
		for _, other := range s.joined[topic] {
			s.wakeLocked(other)
		}
	}
}

func (s *Signals) wakeLocked(topic string) {
	if c, ok := s.channels[topic]; ok {
		close(c)
		delete(s.channels, topic)
	}
}
