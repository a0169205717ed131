export default function Home() {
  return <p>points</p>;
}
