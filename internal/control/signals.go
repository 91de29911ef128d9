package control

import "sync"

// signals wake those who wait for a topic. A topic nobody waits for costs nothing.
type signals struct {
	mu       sync.Mutex
	channels map[string]chan struct{}
}

// on answers a channel that is closed at the topic's next wake. Take it before looking at what it guards.
func (s *signals) on(topic string) <-chan struct{} {
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

func (s *signals) wake(topics ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, topic := range topics {
		if c, ok := s.channels[topic]; ok {
			close(c)
			delete(s.channels, topic)
		}
	}
}
